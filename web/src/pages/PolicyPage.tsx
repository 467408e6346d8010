// One version of the policy, read from top to bottom: its inputs, its formulas, its decision tables.
import { useQuery } from "@tanstack/react-query";
import { Card, Tag } from "antd";
import { Link, useParams } from "react-router";
import { api, body, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { Facts } from "../parts/Facts";
import { GraphNode, inOrder, type Graph } from "../parts/GraphNode";
import { Code, moment } from "../parts/show";
import { Wait } from "../parts/Wait";

export default function PolicyPage() {
  const { id = "" } = useParams();
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
      <p><Link to="/policies">{t("list.back")}</Link></p>
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
