import { type UseQueryResult } from "@tanstack/react-query";
import { Alert, Button, Spin } from "antd";
import { type ReactNode } from "react";

/** What a query gave, or that it is on its way, or why it failed and a way to ask again. */
export function Wait<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (query.isError) {
    return <Alert type="error" title={query.error.message} action={<Button size="small" onClick={() => query.refetch()}>↻</Button>} />;
  }
  if (query.data === undefined) return <Spin style={{ display: "block", margin: "80px auto" }} />;
  return <>{children(query.data)}</>;
}
