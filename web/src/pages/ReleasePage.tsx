// One release of the policy: who proposed it, what its check found, whom it concerns; a second person decides on it.
import { useQuery } from "@tanstack/react-query";
import { App as AntApp, Button, Card, Input, Modal, Space } from "antd";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { api, body, once, type Schema } from "../api/client";
import { DifferencePictures } from "../editor/Difference";
import { Findings } from "../editor/Findings";
import { useSpeech } from "../i18n";
import { Facts } from "../parts/Facts";
import { Code, moment } from "../parts/show";
import { Sure } from "../parts/Sure";
import { useAct } from "../parts/useAct";
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
  const { message } = AntApp.useApp();
  const [refusing, setRefusing] = useState(false);
  const [why, setWhy] = useState("");
  const path = { release_id: data.release_id };
  const approve = useAct(
    () => body(api.POST("/api/policy-releases/{release_id}/approve", { params: { path, header: once() }, body: { reason: why } })),
    () => message.success(t("release.approved_now")),
  );
  const refuse = useAct(
    () => body(api.POST("/api/policy-releases/{release_id}/refuse", { params: { path, header: once() }, body: { reason: why } })),
    () => setRefusing(false),
  );
  const withdraw = useAct(() => body(api.POST("/api/policy-releases/{release_id}/withdraw", { params: { path, header: once() } })));
  if (data.stands !== "proposed") return null;
  const own = me.login === data.proposed_by;
  return (
    <Space wrap style={{ marginBottom: 12 }}>
      {may("POST /api/policy-releases/{release_id}/approve") && <Sure type="primary" question={t("sure.release")} loading={approve.isPending} onSure={() => approve.mutate(undefined)}>{t("release.approve")}</Sure>}
      {may("POST /api/policy-releases/{release_id}/refuse") && !own && <Button danger onClick={() => setRefusing(true)}>{t("release.refuse")}</Button>}
      {may("POST /api/policy-releases/{release_id}/withdraw") && own && <Sure question={t("sure.withdraw")} loading={withdraw.isPending} onSure={() => withdraw.mutate(undefined)}>{t("release.withdraw")}</Sure>}
      <span className="muted">{t("release.four_eyes")}</span>
      <Modal open={refusing} title={t("release.refuse")} onCancel={() => setRefusing(false)} okText={t("release.refuse")} okButtonProps={{ danger: true, disabled: why.trim().length < 5 }} confirmLoading={refuse.isPending} onOk={() => refuse.mutate(undefined)}>
        <Input.TextArea aria-label={t("release.reason")} rows={3} maxLength={500} value={why} onChange={(event) => setWhy(event.target.value)} />
      </Modal>
    </Space>
  );
}
