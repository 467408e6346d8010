// A draft of the policy in the visual editor: change it, save it, check it, try it, compare it with what is in force, propose it.
import { useMutation, useQuery } from "@tanstack/react-query";
import { App as AntApp, Button, Card, Space, Spin, Tabs, Tag } from "antd";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { api, body, once, type Schema } from "../api/client";
import type { DecisionGraphRef, DecisionGraphType, Simulation } from "../editor/Canvas";
import { DifferencePictures } from "../editor/Difference";
import { Findings } from "../editor/Findings";
import { tellNow } from "../editor/pending";
import { Propose } from "../editor/Propose";
import { Simulate } from "../editor/Simulate";
import { useSpeech } from "../i18n";
import { useExplain } from "../parts/explain";
import type { Graph } from "../parts/GraphNode";
import { Code, moment } from "../parts/show";
import { Sure } from "../parts/Sure";
import { useAct } from "../parts/useAct";
import { Wait } from "../parts/Wait";
import { useSession } from "../session";

const Canvas = lazy(() => import("../editor/Canvas"));

export default function DraftPage() {
  const { id = "" } = useParams();
  const query = useQuery({
    queryKey: ["policy-draft", id],
    refetchOnWindowFocus: false, // a refetch must not take the graph from under the pen
    queryFn: () => body(api.GET("/api/policy-drafts/{draft_id}", { params: { path: { draft_id: id } } })),
  });
  return <main className="page wide"><Wait query={query}>{(data) => <Whole key={data.draft_id} data={data} />}</Wait></main>;
}

function Whole({ data }: { data: Schema["DraftOut"] }) {
  const { t, code, name } = useSpeech();
  const { may } = useSession();
  const { message } = AntApp.useApp();
  const explain = useExplain();
  const navigate = useNavigate();
  const editable = data.status === "open" && may("PUT /api/policy-drafts/{draft_id}");
  const [graph, setGraph] = useState<Record<string, unknown>>(data.graph);
  const latest = useRef(graph);
  const [simulation, setSimulation] = useState<Simulation>();
  const canvas = useRef<DecisionGraphRef>(null);
  const saved = useMemo(() => meaning(data.graph), [data.graph]);
  const dirty = meaning(graph) !== saved;
  const change = useCallback((value: DecisionGraphType) => {
    latest.current = { ...latest.current, ...value };
    setGraph(latest.current);
  }, []);
  /** The graph with what was typed a moment ago. */
  const now = () => {
    tellNow();
    return latest.current;
  };

  const check = useMutation({ mutationFn: (asked: Record<string, unknown>) => body(api.POST("/api/policies/check", { body: { graph: asked } })) });
  const compare = useMutation({ mutationFn: () => body(api.POST("/api/policies/diff", { body: { graph: now() } })) });
  const look = check.mutate;
  useEffect(() => look(data.graph), [look, data.graph]);
  const save = useAct(
    () => body(api.PUT("/api/policy-drafts/{draft_id}", {
      params: { path: { draft_id: data.draft_id }, header: once() }, body: { graph: now(), revision: data.revision, remark: "" },
    })),
    () => message.success(t("draft.saved")),
  );
  const discard = useAct(
    () => body(api.POST("/api/policy-drafts/{draft_id}/discard", { params: { path: { draft_id: data.draft_id }, header: once() } })),
    () => navigate("/policies"),
  );
  const tell = (told: Schema["Simulated"] | undefined) => setSimulation(told && {
    result: { performance: told.performance, result: told.outputs, snapshot: latest.current as unknown as DecisionGraphType, trace: told.trace as never },
  } as Simulation);
  const found = check.data;
  return (
    <>
      <h1>{name("policy_name", data.name)} · {t("draft.one")} <Code group="draft_status" value={data.status} /></h1>
      <Space wrap style={{ marginBottom: 12 }}>
        <Link to="/policies">{t("list.back")}</Link>
        <span className="muted">{t("draft.revision", { n: data.revision })} · {name("actor", data.author)} · {moment(data.updated_at)}</span>
        {data.base_version && <span className="muted">{t("draft.base")} <Link to={`/policies/${data.base_version}`}><code>{data.base_version.slice(0, 10)}</code></Link></span>}
        {editable && <Button size="small" type={dirty ? "primary" : "default"} disabled={!dirty} loading={save.isPending} onClick={() => save.mutate(undefined)}>{t("draft.save")}</Button>}
        <Button size="small" loading={check.isPending} onClick={() => check.mutate(now())}>{t("check.run")}</Button>
        {editable && may("POST /api/policy-drafts/{draft_id}/propose") && <Propose draft={data.draft_id} disabled={dirty || !found?.ok} />}
        {editable && <Sure size="small" danger type="text" question={t("sure.discard")} loading={discard.isPending} onSure={() => discard.mutate(undefined)}>{t("draft.discard")}</Sure>}
        {dirty && <Tag color="gold">{t("draft.unsaved")}</Tag>}
        {found && <Tag color={found.ok ? "green" : "red"}>{t(found.ok ? "check.ok" : "check.barred")}</Tag>}
      </Space>
      <div className="desk">
        <Card size="small" styles={{ body: { padding: 0 } }}>
          <Suspense fallback={<Spin style={{ display: "block", padding: 200 }} />}>
            <Canvas ref={canvas} begin={graph as unknown as DecisionGraphType} onChange={change} disabled={!editable} simulate={simulation} />
          </Suspense>
        </Card>
        <Card size="small">
          <Tabs
            size="small"
            items={[
              {
                key: "check", label: t("check.findings"),
                children: check.error ? <p className="bad">{explain(check.error)}</p>
                  : found ? <Findings findings={found.findings} graph={graph as Graph} onGo={(node) => canvas.current?.goToNode(node)} /> : <Spin />,
              },
              { key: "simulate", label: t("simulate.title"), children: <Simulate graph={now} onTold={tell} /> },
            ]}
          />
        </Card>
      </div>
      <Card size="small" title={t("diff.title")} extra={<Button size="small" loading={compare.isPending} onClick={() => compare.mutate()}>{t("diff.run")}</Button>}>
        {compare.error && <p className="bad">{explain(compare.error)}</p>}
        {compare.data && (compare.data.difference ? <DifferencePictures found={compare.data.difference} /> : <p className="muted">{t("diff.none")}</p>)}
        {!compare.data && !compare.error && <p className="muted">{t("diff.hint")}</p>}
      </Card>
      <p className="muted citation">{code("node", "decisionTableNode")} · {t("draft.unit")}</p>
    </>
  );
}

/** What a graph says, without where its boxes stand, so that moving one is no change of the policy. */
function meaning(graph: Record<string, unknown>): string {
  const nodes = (graph.nodes as Record<string, unknown>[] | undefined)?.map(({ position: _, measured: __, ...rest }) => rest);
  return JSON.stringify([nodes, graph.edges]);
}
