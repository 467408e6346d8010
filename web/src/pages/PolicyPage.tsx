// A thing of the policies' room by its id: a draft in the editor, a release with its effect, or a version to read.
import { useQuery } from "@tanstack/react-query";
import { Button, Card, Tag } from "antd";
import { lazy } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { api, body, once, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { Facts } from "../parts/Facts";
import { GraphNode, inOrder, type Graph } from "../parts/GraphNode";
import { Code, moment } from "../parts/show";
import { useAct } from "../parts/useAct";
import { Wait } from "../parts/Wait";
import { useSession } from "../session";

const DraftPage = lazy(() => import("./DraftPage"));
const ReleasePage = lazy(() => import("./ReleasePage"));

export default function PolicyPage() {
  const { id = "" } = useParams();
  if (id.startsWith("pd_")) return <DraftPage />;
  if (id.startsWith("rl_")) return <ReleasePage />;
  return <VersionPage id={id} />;
}

/** One version read from top to bottom: its inputs, its formulas, its decision tables. */
function VersionPage({ id }: { id: string }) {
  const query = useQuery({
    queryKey: ["policy", id],
    queryFn: () => body(api.GET("/api/policies/{version}", { params: { path: { version: id } } })),
  });
  return <main className="page"><Wait query={query}>{(data) => <Whole data={data} />}</Wait></main>;
}

function Whole({ data }: { data: Schema["PolicyOut"] }) {
  const { t, code, name } = useSpeech();
  const graph = data.graph as unknown as Graph;
  return (
    <>
      <h1>{name("policy_name", data.name)} <code style={{ fontSize: 14 }}>{data.version.slice(0, 16)}</code> <Code group="policy_status" value={data.status} /></h1>
      <p><Link to="/policies">{t("list.back")}</Link> <Edit data={data} /></p>
      <Card size="small" style={{ marginBottom: 12 }}>
        <Facts items={[
          { label: t("policy.since"), children: data.effective_from },
          { label: t("policy.author"), children: name("actor", data.author) },
          { label: t("policy.approved"), children: data.approved_by ? name("actor", data.approved_by) : "–" },
          { label: t("field.at"), children: moment(data.created_at) },
        ]} />
      </Card>
      <h2 style={{ fontSize: 16 }}>{t("policy.graph")}</h2>
      <div className="flow">
        {inOrder(graph).map((node, n) => (
          <Card key={node.id} size="small" title={<>{n + 1}. {node.name} <Tag>{code("node", node.type)}</Tag></>}>
            <GraphNode node={node} />
          </Card>
        ))}
      </div>
    </>
  );
}

function Edit({ data }: { data: Schema["PolicyOut"] }) {
  const { t } = useSpeech();
  const { may } = useSession();
  const navigate = useNavigate();
  const act = useAct(
    () => body(api.POST("/api/policy-drafts", { params: { header: once() }, body: { graph: data.graph, base_version: data.version, remark: "" } })),
    (draft) => navigate(`/policies/${draft.draft_id}`),
  );
  if (data.name !== "admission" || !may("POST /api/policy-drafts")) return null;
  return <Button size="small" type="primary" loading={act.isPending} onClick={() => act.mutate(undefined)}>{t("draft.begin")}</Button>;
}
