// One case: what is claimed and by which parts, where it stands, every date that the law sets, and its papers.
import { FilePdfOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { App as AntApp, Button, Card, Empty, Space, Tag } from "antd";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { api, body, once, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { cite } from "../parts/cite";
import { Facts } from "../parts/Facts";
import { Files } from "../parts/Files";
import { Paper } from "../parts/Paper";
import { Rows } from "../parts/Rows";
import { Code, Id, yuan } from "../parts/show";
import { Sure } from "../parts/Sure";
import { useAct } from "../parts/useAct";
import { Wait } from "../parts/Wait";
import { useSession } from "../session";

export default function CasePage() {
  const { id = "" } = useParams();
  const query = useQuery({
    queryKey: ["case", id],
    queryFn: () => body(api.GET("/api/cases/{case_id}", { params: { path: { case_id: id } } })),
  });
  return <main className="page"><Wait query={query}>{(data) => <Whole data={data} />}</Wait></main>;
}

function Whole({ data }: { data: Schema["CaseOut"] }) {
  const { t, code, name } = useSpeech();
  const { may } = useSession();
  return (
    <>
      <h1>{t("case.one")} <Id value={data.case_id} /> <Code group="stage" value={data.stage} /></h1>
      <Space wrap style={{ marginBottom: 12 }}>
        {data.stage === "prepared" && may("POST /api/cases/{case_id}/file") && <File id={data.case_id} />}
        {data.pleading_file && (
          <Paper kind="button" icon={<FilePdfOutlined />} fileId={data.pleading_file} name={`${data.case_id}.pdf`}>{t("case.pleading")}</Paper>
        )}
        <Link to="/cases">{t("list.back")}</Link>
      </Space>
      <div className="pictures">
        <Card size="small" title={t("case.one")}>
          <Facts items={[
            { label: t("field.borrower"), children: data.borrower.name ?? "–" },
            { label: t("field.region"), children: name("region", data.borrower.region) },
            { label: t("case.kind"), children: code("case_kind", data.kind) },
            { label: t("case.procedure"), children: code("procedure", data.procedure) },
            { label: t("case.court"), children: name("court", data.court) || "–" },
            { label: t("case.law_firm"), children: data.law_firm ?? "–" },
            { label: t("case.opened"), children: data.opened_on },
            { label: t("case.fee"), children: yuan(data.fee) },
            { label: t("field.loan"), children: <Id value={data.loan_id} to={`/loans/${encodeURIComponent(data.loan_id)}`} /> },
          ]} />
        </Card>
        <Card size="small" title={t("case.parts")} extra={data.amounts.whole === true && <Tag color="orange">{t("case.whole")}</Tag>}>
          <Claim data={data} />
        </Card>
      </div>
      <div className="pictures">
        <Card size="small" title={t("case.deadlines")}>
          <Deadlines data={data} />
        </Card>
        <Card size="small" title={t("files.title")}><Files files={data.files} /></Card>
      </div>
    </>
  );
}

function Claim({ data }: { data: Schema["CaseOut"] }) {
  const { t } = useSpeech();
  const parts = ["principal", "interest", "penalty", "costs"] as const;
  const rows = parts.map((part) => ({ part: t(`field.${part}`), amount: String(data.amounts[part] ?? "0.00"), total: false }));
  rows.push({ part: t("case.total"), amount: data.claim, total: true });
  return (
    <Rows
      showHeader={false}
      rowKey={(row) => row.part}
      dataSource={rows}
      columns={[
        { title: "", dataIndex: "part", render: (value, row) => (row.total ? <strong>{value}</strong> : value) },
        { title: "", dataIndex: "amount", align: "right", render: (value, row) => (row.total ? <strong>{yuan(value)}</strong> : yuan(value)) },
      ]}
    />
  );
}

function Deadlines({ data }: { data: Schema["CaseOut"] }) {
  const { t, name, pick, language } = useSpeech();
  if (!data.deadlines.length) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("case.no_deadlines")} />;
  return (
    <ul className="files">
      {data.deadlines.map((one) => (
        <li key={one.deadline_id} className="deadline">
          <div>
            <strong className={one.missed ? "bad" : ""}>{one.due_on}</strong> {pick(one)}{" "}
            {one.missed && <Tag color="red">{t("case.missed")}</Tag>}
            {one.done_on && <Tag color="green">{t("case.done_on", { on: one.done_on, by: name("actor", one.done_by ?? "") })}</Tag>}
            <div className="muted citation">{cite(one.citation, language)}</div>
          </div>
          {!one.done_on && <Met caseId={data.case_id} deadlineId={one.deadline_id} />}
        </li>
      ))}
    </ul>
  );
}

function Met({ caseId, deadlineId }: { caseId: string; deadlineId: string }) {
  const { t } = useSpeech();
  const { may } = useSession();
  const [header] = useState(once);
  const act = useAct(() =>
    body(api.POST("/api/cases/{case_id}/deadlines/{deadline_id}/done", { params: { path: { case_id: caseId, deadline_id: deadlineId }, header }, body: {} })),
  );
  if (!may("POST /api/cases/{case_id}/deadlines/{deadline_id}/done")) return null;
  return <Button size="small" loading={act.isPending} onClick={() => act.mutate(undefined)}>{t("case.done")}</Button>;
}

function File({ id }: { id: string }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const [header] = useState(once);
  const act = useAct(
    () => body(api.POST("/api/cases/{case_id}/file", { params: { path: { case_id: id }, header }, body: {} })),
    () => message.success(t("case.filed")),
  );
  return <Sure type="primary" question={t("sure.file")} loading={act.isPending} onSure={() => act.mutate(undefined)}>{t("case.file")}</Sure>;
}
