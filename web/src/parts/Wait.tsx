import { type UseQueryResult } from "@tanstack/react-query";
import { Alert, Button, Spin } from "antd";
import { type ReactNode } from "react";
import { useSpeech } from "../i18n";
import { useExplain } from "./explain";

/** What a query gave, or that it is on its way, or why it failed and a way to ask again. */
export function Wait<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  const { t } = useSpeech();
  const explain = useExplain();
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) {
    return <Alert type="error" title={explain(query.error)} action={<Button size="small" onClick={() => query.refetch()}>{t("app.again")}</Button>} />;
  }
  return <Spin style={{ display: "block", margin: "80px auto" }} />;
}
