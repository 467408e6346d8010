import { Table, type TableProps } from "antd";

/** A small table inside a page: no paging below thirty rows, scrolls sideways inside its own box. */
export function Rows<Row extends object>(props: TableProps<Row>) {
  return <Table<Row> size="small" pagination={{ pageSize: 30, hideOnSinglePage: true, showSizeChanger: false }} scroll={{ x: "max-content" }} {...props} />;
}
