// A page of rows from the server, with filters kept in the address so that a view can be sent to a colleague.
import { type UseQueryResult } from "@tanstack/react-query";
import { Alert, Input, Select, Table, type TableColumnsType } from "antd";
import { type ReactNode } from "react";
import { useSearchParams } from "react-router";
import { useSpeech } from "../i18n";
import { useExplain } from "./explain";

interface Page<Row> {
  items: Row[];
  page: number;
  size: number;
  total: number;
}

export interface Filter {
  name: string;
  label: string;
  options?: { value: string; label: string }[];
  /** Many options: let the reader type to find one. */
  search?: boolean;
}

/** The filters, page and size of a listing, read from the address; `of` tells several listings of one page apart. */
export function useFilters(size = 20, of = "") {
  const [params, setParams] = useSearchParams();
  const values: Record<string, string> = Object.fromEntries([...params].filter(([name]) => name.startsWith(of)).map(([name, value]) => [name.slice(of.length), value]));
  const set = (changes: Record<string, string | undefined>) => {
    const next = new URLSearchParams(params);
    for (const [name, value] of Object.entries(changes)) {
      if (value) next.set(of + name, value);
      else next.delete(of + name);
    }
    setParams(next, { replace: true });
  };
  const page = Math.max(1, Math.trunc(Number(values.page)) || 1);
  const chosen = Math.min(100, Math.max(1, Math.trunc(Number(values.size)) || size));
  /** The named filters with page, size and order, as the interface takes them; what it does not know, it refuses in a sentence. */
  const query = (...names: string[]) => ({ ...Object.fromEntries(names.map((name) => [name, values[name]])), page, size: chosen, ...(values.sort ? { sort: values.sort } : {}) });
  return { values, set, page, size: chosen, usual: size, query };
}

interface Props<Row> {
  query: UseQueryResult<Page<Row>>;
  /** A column with `sorter: true` is ordered by the server, under its `key` or `dataIndex`. */
  columns: TableColumnsType<Row>;
  rowKey: (row: Row) => string;
  filters?: Filter[];
  extra?: ReactNode;
  state: ReturnType<typeof useFilters>;
  detail?: (row: Row) => ReactNode;
  rowClassName?: (row: Row) => string;
  /** A short list among others on its page: no pager while all its rows are in sight. */
  among?: boolean;
}

export function Listing<Row extends object>({ query, columns, rowKey, filters = [], extra, state, detail, rowClassName, among = false }: Props<Row>) {
  const { t } = useSpeech();
  const explain = useExplain();
  return (
    <>
      {(filters.length > 0 || extra) && (
        <div className="filters">
          {extra}
          {filters.map((filter) => <Chooser key={filter.name} filter={filter} state={state} />)}
        </div>
      )}
      {query.isError && <Alert type="error" title={explain(query.error)} style={{ marginBottom: 12 }} />}
      <Table<Row>
        size="small"
        loading={query.isFetching && !query.data}
        columns={columns.map((column) => {
          if (!("sorter" in column) || column.sorter !== true) return column;
          const name = nameOf(column);
          return { ...column, sortOrder: state.values.sort === name ? "ascend" : state.values.sort === `-${name}` ? "descend" : null, showSorterTooltip: false, sortDirections: ["descend", "ascend"] };
        })}
        dataSource={query.data?.items ?? []}
        rowKey={rowKey}
        rowClassName={rowClassName}
        scroll={{ x: "max-content" }}
        expandable={detail ? { expandedRowRender: detail } : undefined}
        pagination={{
          current: state.page,
          pageSize: state.size,
          total: query.data?.total ?? 0,
          showTotal: (total) => t("list.total", { total }),
          showSizeChanger: !among,
          hideOnSinglePage: among,
          pageSizeOptions: [20, 50, 100],
          responsive: true,
        }}
        onChange={({ current = 1, pageSize }, _, sorter, { action }) => {
          const by = Array.isArray(sorter) ? sorter[0] : sorter;
          const sort = by?.order && by.column ? `${by.order === "descend" ? "-" : ""}${nameOf(by.column)}` : undefined;
          if (action === "sort") state.set({ sort, page: undefined });
          else state.set({ page: current > 1 ? String(current) : undefined, size: pageSize === state.usual ? undefined : String(pageSize) });
        }}
        locale={{ emptyText: query.isFetching ? " " : t("list.empty") }}
      />
    </>
  );
}

const nameOf = (column: { key?: unknown; dataIndex?: unknown }) => String(column.key ?? column.dataIndex);

function Chooser({ filter, state }: { filter: Filter; state: ReturnType<typeof useFilters> }) {
  if (filter.options) {
    return (
      <Select
        allowClear
        showSearch={filter.search ? { optionFilterProp: "label" } : undefined}
        placeholder={filter.label}
        aria-label={filter.label}
        style={{ minWidth: 130 }}
        popupMatchSelectWidth={false}
        value={state.values[filter.name] || undefined}
        options={filter.options}
        onChange={(value?: string) => state.set({ [filter.name]: value, page: undefined })}
      />
    );
  }
  return (
    <Input.Search
      allowClear
      placeholder={filter.label}
      aria-label={filter.label}
      style={{ width: 240 }}
      defaultValue={state.values[filter.name]}
      onSearch={(value) => state.set({ [filter.name]: value.trim(), page: undefined })}
    />
  );
}
