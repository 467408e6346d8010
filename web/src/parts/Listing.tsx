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
}

/** The filters, page and size of a listing, read from the address. */
export function useFilters(size = 20) {
  const [params, setParams] = useSearchParams();
  const values: Record<string, string> = Object.fromEntries(params);
  const set = (changes: Record<string, string | undefined>) => {
    const next = new URLSearchParams(params);
    for (const [name, value] of Object.entries(changes)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    setParams(next, { replace: true });
  };
  const page = Math.max(1, Math.trunc(Number(values.page)) || 1);
  const chosen = Math.min(100, Math.max(1, Math.trunc(Number(values.size)) || size));
  /** The named filters with page, size and order, as the interface takes them; what it does not know, it refuses in a sentence. */
  const query = (...names: string[]) => ({ ...Object.fromEntries(names.map((name) => [name, values[name]])), page, size: chosen, ...(values.sort ? { sort: values.sort } : {}) });
  return { values, set, page, size: chosen, query };
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
}

export function Listing<Row extends object>({ query, columns, rowKey, filters = [], extra, state, detail, rowClassName }: Props<Row>) {
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
          showSizeChanger: true,
          pageSizeOptions: [20, 50, 100],
          responsive: true,
        }}
        onChange={({ current = 1, pageSize }, _, sorter, { action }) => {
          const by = Array.isArray(sorter) ? sorter[0] : sorter;
          const sort = by?.order && by.column ? `${by.order === "descend" ? "-" : ""}${nameOf(by.column)}` : undefined;
          if (action === "sort") state.set({ sort, page: undefined });
          else state.set({ page: current > 1 ? String(current) : undefined, size: String(pageSize) });
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
