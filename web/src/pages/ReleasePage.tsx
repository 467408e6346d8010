// One release of the policy: who proposed it, what its check found, whom it concerns; a second person decides on it.
import { useQuery } from "@tanstack/react-query";
import { Alert, App as AntApp, Button, Card, Form, Input, Modal, Space } from "antd";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { api, body, once, type Schema } from "../api/client";
import { Changes } from "../editor/Changes";
import { DifferencePictures } from "../editor/Difference";
import { Findings } from "../editor/Findings";
import { useSpeech } from "../i18n";
import { Facts } from "../parts/Facts";
import { Code, moment, yuan } from "../parts/show";
import { Sure } from "../parts/Sure";
import { useAct } from "../parts/useAct";
import { useReturn } from "../parts/useReturn";
import { Wait } from "../parts/Wait";
import { useSession } from "../session";

export default function ReleasePage() {
  const { id = "" } = useParams();
  const query = useQuery({
    queryKey: ["policy-release", id],
    queryFn: () => body(api.GET("/api/policy-releases/{release_id}", { params: { path: { release_id: id } } })),
  });
  return <main className="page"><Wait query={query}>{(data) => <Whole data={data} />}</Wait></main>;
}

function Whole({ data }: { data: Schema["ReleaseOut"] }) {
  const { t, name } = useSpeech();
  return (
    <>
      <h1>{name("policy_name", data.name)} · {t("release.one")} <Code group="release" value={data.stands} /></h1>
      <p><Link to="/policies">{t("list.back")}</Link></p>
      <Decide data={data} />
      <Card size="small" style={{ marginBottom: 12 }}>
        <Facts items={[
          { label: t("policy.version"), children: <Link to={`/policies/${data.version}`}><code>{data.version}</code></Link> },
          { label: t("policy.since"), children: data.effective_from },
          { label: t("release.proposed_by"), children: `${name("actor", data.proposed_by)} · ${moment(data.proposed_at)}` },
          { label: t("release.decided_by"), children: data.decided_by ? `${name("actor", data.decided_by)} · ${moment(data.decided_at)}` : "–" },
          { label: t("release.why"), children: data.remark || "–" },
          { label: t("release.reason"), children: data.reason || "–" },
        ]} />
      </Card>
      <Card size="small" title={t("release.changes")} style={{ marginBottom: 12 }}>
        {data.replaces === null || data.replaces === data.version ? <p className="muted">{t("release.first")}</p> : <Changes before={data.replaces} after={data.version} />}
      </Card>
      <Card size="small" title={t("diff.title")} style={{ marginBottom: 12 }}>
        {data.difference ? <DifferencePictures found={data.difference as unknown as Schema["DifferenceOut"]} /> : <p className="muted">{t("diff.none")}</p>}
      </Card>
      <Card size="small" title={t("check.findings")}><Findings findings={data.findings as unknown as Schema["PolicyFinding"][]} graph={{}} /></Card>
    </>
  );
}

function Decide({ data }: { data: Schema["ReleaseOut"] }) {
  const { t } = useSpeech();
  const { me, may } = useSession();
  const [asked, setAsked] = useState<"approve" | "refuse">();
  const withdraw = useAct(() => body(api.POST("/api/policy-releases/{release_id}/withdraw", { params: { path: { release_id: data.release_id }, header: once() } })));
  if (data.stands !== "proposed") return null;
  const proposed = me.login === data.proposed_by;
  const own = proposed || me.login === data.author;
  const decides = may("POST /api/policy-releases/{release_id}/approve");
  return (
    <Alert
      type="info" style={{ marginBottom: 12 }} title={own ? t("release.own") : t("release.four_eyes")}
      description={(
        <Space wrap>
          {decides && !own && <Button type="primary" onClick={() => setAsked("approve")}>{t("release.approve")}</Button>}
          {decides && !own && <Button danger onClick={() => setAsked("refuse")}>{t("release.refuse")}</Button>}
          {proposed && may("POST /api/policy-releases/{release_id}/withdraw") && <Sure question={t("sure.withdraw")} loading={withdraw.isPending} onSure={() => withdraw.mutate(undefined)}>{t("release.withdraw")}</Sure>}
          {asked && <Answer data={data} verb={asked} onClose={() => setAsked(undefined)} />}
        </Space>
      )}
    />
  );
}

/** Yes or no to a proposal: whom it concerns and from when, and the reason that is kept with it. */
function Answer({ data, verb, onClose }: { data: Schema["ReleaseOut"]; verb: "approve" | "refuse"; onClose: () => void }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  useReturn();
  const [form] = Form.useForm<{ reason?: string }>();
  const [header] = useState(once);
  const path = { release_id: data.release_id };
  const act = useAct(
    ({ reason = "" }: { reason?: string }) => body(verb === "approve"
      ? api.POST("/api/policy-releases/{release_id}/approve", { params: { path, header }, body: { reason } })
      : api.POST("/api/policy-releases/{release_id}/refuse", { params: { path, header }, body: { reason } })),
    () => { message.success(t(verb === "approve" ? "release.approved_now" : "release.refused")); onClose(); },
  );
  const found = data.difference as unknown as Schema["DifferenceOut"] | null;
  return (
    <Modal open title={t(`release.${verb}`)} onCancel={onClose} okText={t(`release.${verb}`)} okButtonProps={{ danger: verb === "refuse" }} confirmLoading={act.isPending} onOk={() => form.submit()}>
      {verb === "approve" && <p>{t("release.will", { on: data.effective_from })}</p>}
      <p>{found ? t("release.whom", { rows: found.rows, changed: found.changed, loss: yuan(found.expected_loss_change) }) : t("release.whom_unknown")}</p>
      <Form form={form} layout="vertical" requiredMark={false} scrollToFirstError={{ focus: true }} onFinish={(said) => act.mutate(said)}>
        <Form.Item name="reason" label={t(verb === "approve" ? "release.approve_why" : "release.reason")} extra={t("work.note_hint")} rules={verb === "refuse" ? [{ required: true, whitespace: true, min: 5, message: t("release.need_reason") }] : []}>
          <Input.TextArea rows={3} maxLength={500} autoFocus />
        </Form.Item>
      </Form>
    </Modal>
  );
}
