// The bank's statements, and what became of each one's lines.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Card, Space, Tag } from "antd";
import { api, body, type Schema } from "../../api/client";
import { useSpeech } from "../../i18n";
import { inChinese } from "../../i18n/problems";
import { Listing, useFilters } from "../../parts/Listing";
import { Rows } from "../../parts/Rows";
import { Id, yuan } from "../../parts/show";
import { Wait } from "../../parts/Wait";

export function Statements() {
  const { t } = useSpeech();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["money", "statements", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/money/statements", { params: { query: state.query() as never } })),
  });
  return (
    <Card size="small" title={t("money.statements")}>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.statement_id}
        columns={[
          { title: t("money.closed_on"), dataIndex: "closed_on" },
          { title: t("money.account"), dataIndex: "account" },
          { title: t("money.opening"), dataIndex: "opening", align: "right", render: yuan },
          { title: t("money.closing"), dataIndex: "closing", align: "right", render: yuan },
          { title: t("money.lines"), dataIndex: "lines", align: "right" },
          { title: t("money.open"), dataIndex: "open", align: "right", render: (value) => <strong className={value ? "bad" : ""}>{value}</strong> },
          { title: t("money.refused"), dataIndex: "refused", align: "right", render: (value) => <strong className={value ? "bad" : ""}>{value}</strong> },
          { title: "", dataIndex: "statement_id", render: (value) => <Id value={value} /> },
        ]}
        detail={(row) => <Report statementId={row.statement_id} />}
      />
    </Card>
  );
}

interface Row { row: number; on: string | null; amount: string | null; reason: string }

function Report({ statementId }: { statementId: string }) {
  const query = useQuery({
    queryKey: ["money", "statement", statementId],
    queryFn: () => body(api.GET("/api/money/statements/{statement_id}", { params: { path: { statement_id: statementId } } })),
  });
  return <Wait query={query}>{(report) => <Told report={report} />}</Wait>;
}

export function Told({ report }: { report: Schema["StatementOut"] }) {
  const { t, code, language } = useSpeech();
  const refused = (report as { refused?: Row[] }).refused ?? [];
  const lines = Object.entries(report.lines).filter(([, n]) => n).map(([name, n]) => `${code("money_outcome", name)} ${n}`).join(" · ");
  return (
    <div className="flow">
      <Space wrap>
        <Tag color={report.reconciled ? "green" : "red"}>{t(report.reconciled ? "money.reconciled" : "money.not_reconciled")}</Tag>
        <span>{t("money.report", { account: String((report as { account?: string }).account ?? ""), lines: Object.values(report.lines).reduce((sum, n) => sum + n, 0), difference: yuan(report.difference) })}</span>
        <span className="muted">{lines}</span>
      </Space>
      {refused.length > 0 && (
        <Rows<Row>
          rowKey={(row) => String(row.row)}
          dataSource={refused}
          columns={[
            { title: t("money.lines"), dataIndex: "row" },
            { title: t("field.on"), dataIndex: "on" },
            { title: t("field.amount"), dataIndex: "amount", align: "right", render: yuan },
            { title: t("field.reason"), dataIndex: "reason", render: (value) => <div className="wrap">{language === "zh" ? inChinese(value) : value}</div> },
          ]}
        />
      )}
    </div>
  );
}
