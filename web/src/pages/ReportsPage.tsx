// The reports to management: the list, and the chosen one on the page.
import { FilePdfOutlined, GlobalOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { App as AntApp, Button, Card, Space } from "antd";
import { useState } from "react";
import { api, body, once } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { fetchFile, fileLink, Paper } from "../parts/Paper";
import { moment } from "../parts/show";
import { useAct } from "../parts/useAct";
import { Wait } from "../parts/Wait";
import { useSession } from "../session";

export default function ReportsPage() {
  const { t } = useSpeech();
  const { may } = useSession();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["reports", state.page, state.size],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/reports", { params: { query: state.query() as never } })),
  });
  const rows = query.data?.items ?? [];
  const shown = rows.find((row) => row.report_id === state.values.show) ?? rows[0];
  return (
    <main className="page">
      <h1>{t("nav.reports")}</h1>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.report_id}
        extra={may("POST /api/reports") && <Make />}
        columns={[
          { title: t("report.on"), dataIndex: "on" },
          { title: t("report.made"), dataIndex: "created_at", render: moment },
          {
            title: "",
            render: (_, row) => (
              <Space>
                <Button size="small" type={row === shown ? "primary" : "default"} onClick={() => state.set({ show: row.report_id })}>{t("report.show")}</Button>
                <Paper kind="button" icon={<FilePdfOutlined />} fileId={row.pdf_file} name={`jiehuan-${row.on}.pdf`}>{t("report.pdf")}</Paper>
                <Button size="small" icon={<GlobalOutlined />} href={`${fileLink(row.html_file)}?inline=true`} target="_blank" rel="noreferrer">{t("report.html")}</Button>
              </Space>
            ),
          },
        ]}
      />
      {shown && (
        <Card size="small" title={t("report.preview", { on: shown.on })} style={{ marginTop: 12 }}>
          <Preview fileId={shown.html_file} title={t("report.preview", { on: shown.on })} />
        </Card>
      )}
    </main>
  );
}

/** The report inside the page: without scripts, and without the rights of this page. */
function Preview({ fileId, title }: { fileId: string; title: string }) {
  const query = useQuery({ queryKey: ["report-html", fileId], staleTime: Infinity, queryFn: async () => (await fetchFile(fileId)).text() });
  return <Wait query={query}>{(html) => <iframe className="report" title={title} sandbox="" srcDoc={html} />}</Wait>;
}

function Make() {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const [header, setHeader] = useState(once);
  const act = useAct(
    () => body(api.POST("/api/reports", { params: { header }, body: {} })),
    () => { setHeader(once()); message.success(t("report.made_now")); },
  );
  return <Button type="primary" loading={act.isPending} onClick={() => act.mutate(undefined)}>{t("report.make")}</Button>;
}
