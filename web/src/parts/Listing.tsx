// A page of rows from the server, with filters kept in the address so that a view can be sent to a colleague.
import { type UseQueryResult } from "@tanstack/react-query";
import { Alert, Input, Select, Space, Table, type TableColumnsType } from "antd";
import { useSearchParams } from "react-router";
import { useSpeech } from "../i18n";

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
  return { values, set, page: Number(values.page ?? 1), size: Number(values.size ?? size) };
}

interface Props<Row> {
  query: UseQueryResult<Page<Row>>;
  columns: TableColumnsType<Row>;
  rowKey: (row: Row) => string;
  filters?: Filter[];
  state: ReturnType<typeof useFilters>;
  detail?: (row: Row) => React.ReactNode;
}

export function Listing<Row extends object>({ query, columns, rowKey, filters = [], state, detail }: Props<Row>) {
  const { t } = useSpeech();
  return (
    <>
      {filters.length > 0 && (
        <Space wrap style={{ marginBottom: 12 }}>
          {filters.map((filter) =>
            filter.options ? (
              <Select
                key={filter.name}
                allowClear
                placeholder={filter.label}
                aria-label={filter.label}
                style={{ minWidth: 130 }}
                value={state.values[filter.name] || undefined}
                options={filter.options}
                onChange={(value?: string) => state.set({ [filter.name]: value, page: undefined })}
              />
            ) : (
              <Input.Search
                key={filter.name}
                allowClear
                placeholder={filter.label}
                aria-label={filter.label}
                style={{ width: 240 }}
                defaultValue={state.values[filter.name]}
                onSearch={(value) => state.set({ [filter.name]: value, page: undefined })}
              />
            ),
          )}
        </Space>
      )}
      {query.isError && <Alert type="error" title={query.error.message} style={{ marginBottom: 12 }} />}
      <Table<Row>
        size="small"
        loading={query.isFetching && !query.data}
        columns={columns}
        dataSource={query.data?.items ?? []}
        rowKey={rowKey}
        scroll={{ x: "max-content" }}
        expandable={detail ? { expandedRowRender: detail } : undefined}
        pagination={{
          current: state.page,
          pageSize: state.size,
          total: query.data?.total ?? 0,
          showTotal: (total) => t("list.total", { total }),
          showSizeChanger: true,
          onChange: (page, size) => state.set({ page: page > 1 ? String(page) : undefined, size: String(size) }),
        }}
        locale={{ emptyText: t("list.empty") }}
      />
    </>
  );
}
