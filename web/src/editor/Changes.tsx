// Two policies read side by side: which nodes, rows, cells and formulas are not the same, in the words of the policy.
import { useQuery } from "@tanstack/react-query";
import { Tag } from "antd";
import { type ReactNode, useMemo } from "react";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { useFeature } from "../parts/feature";
import { Condition, type DecisionTable, type Graph, inOrder, type Node, Then } from "../parts/GraphNode";
import { Rows } from "../parts/Rows";
import { Wait } from "../parts/Wait";

type Fate = "added" | "removed" | "changed";

interface Line {
  key: string;
  place: ReactNode;
  what: ReactNode;
  before: ReactNode;
  after: ReactNode;
}

const graphOf = (version: string) => ({
  queryKey: ["policy", version],
  queryFn: () => body(api.GET("/api/policies/{version}", { params: { path: { version } } })),
});

/** What a version changes of another; both are fetched. */
export function Changes({ before, after }: { before: string; after: string }) {
  const old = useQuery(graphOf(before)), fresh = useQuery(graphOf(after));
  return (
    <Wait query={old}>{(a) => (
      <Wait query={fresh}>{(b) => <Between before={a.graph as unknown as Graph} after={b.graph as unknown as Graph} />}</Wait>
    )}</Wait>
  );
}

function Between({ before, after }: { before: Graph; after: Graph }) {
  const { t, code } = useSpeech();
  const told = useMemo(() => nodesApart(before, after), [before, after]);
  const rewired = useMemo(() => wires(before) !== wires(after), [before, after]);
  if (!told.length && !rewired) return <p className="muted">{t("changes.none")}</p>;
  return (
    <div className="flow">
      {rewired && <p style={{ margin: 0 }}>{t("changes.wires")}</p>}
      {told.map(({ old, fresh, fate }) => (
        <section key={(fresh ?? old)!.id} aria-label={(fresh ?? old)!.name}>
          <strong>{(fresh ?? old)!.name}</strong> <Tag>{code("node", (fresh ?? old)!.type)}</Tag> <Tag color={TONE[fate]}>{t(`changes.${fate}`)}</Tag>
          <Inside old={old} fresh={fresh} />
        </section>
      ))}
    </div>
  );
}

const TONE: Record<Fate, string> = { added: "green", removed: "red", changed: "gold" };

interface Apart {
  old?: Node;
  fresh?: Node;
  fate: Fate;
}

function nodesApart(before: Graph, after: Graph): Apart[] {
  const olds = new Map((before.nodes ?? []).map((node) => [node.id, node]));
  const kept = inOrder(after).flatMap((fresh): Apart[] => {
    const old = olds.get(fresh.id);
    olds.delete(fresh.id);
    if (!old) return [{ fresh, fate: "added" }];
    return same(old.content, fresh.content) && old.name === fresh.name ? [] : [{ old, fresh, fate: "changed" }];
  });
  return [...kept, ...[...olds.values()].map((old): Apart => ({ old, fate: "removed" }))];
}

const same = (a: unknown, b: unknown) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
const wires = (graph: Graph) => JSON.stringify((graph.edges ?? []).map((edge) => `${edge.sourceId} ${edge.sourceHandle ?? ""} ${edge.targetId}`).sort());

function Inside({ old, fresh }: { old?: Node; fresh?: Node }) {
  const { t } = useSpeech();
  const { called } = useFeature();
  const type = (fresh ?? old)!.type;
  const lines = type === "decisionTableNode" ? tableLines(old?.content as DecisionTable | undefined, fresh?.content as DecisionTable | undefined)
    : type === "expressionNode" ? formulaLines(old?.content as Formulas | undefined, fresh?.content as Formulas | undefined, called)
      : [{ key: "whole", place: "", what: "", before: <Text value={old?.content} />, after: <Text value={fresh?.content} /> }];
  return (
    <Rows<Line>
      rowKey={(line) => line.key}
      dataSource={lines}
      pagination={{ pageSize: 20, hideOnSinglePage: true, showSizeChanger: false }}
      columns={[
        { title: t("changes.where"), dataIndex: "place", render: (value) => <div className="wrap">{value}</div> },
        { title: t("changes.what"), render: (_, line) => <div className="wrap">{line.what}<div>{line.before} → <strong>{line.after}</strong></div></div> },
      ]}
    />
  );
}

interface Formulas {
  expressions?: { id: string; key: string; value: string }[];
}

function formulaLines(old: Formulas | undefined, fresh: Formulas | undefined, called: (field: string) => string): Line[] {
  const before = new Map((old?.expressions ?? []).map((one) => [one.key, one.value]));
  const after = new Map((fresh?.expressions ?? []).map((one) => [one.key, one.value]));
  return [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key)).map((key) => ({
    key, place: "", what: <span title={key}>{called(key)}</span>, before: <Text value={before.get(key)} />, after: <Text value={after.get(key)} />,
  }));
}

type Rule = Record<string, string>;

/** Rows by their own id, cells by their column; a row that came or went is told by all that it says. */
function tableLines(old: DecisionTable | undefined, fresh: DecisionTable | undefined): Line[] {
  const named = (rules: Rule[] = []) => new Map(rules.map((rule, n) => [rule._id ?? String(n), { rule, n }]));
  const before = named(old?.rules), after = named(fresh?.rules);
  const lines: Line[] = [];
  for (const id of new Set([...after.keys(), ...before.keys()])) {
    const was = before.get(id), is = after.get(id);
    const table = (is ? fresh : old)!;
    const place = <Place table={table} rule={(is ?? was)!.rule} n={(is ?? was)!.n} />;
    const columns = [...table.inputs.map((column) => ({ ...column, out: false })), ...table.outputs.map((column) => ({ ...column, out: true }))];
    for (const column of columns) {
      const from = was?.rule[column.id] ?? "", to = is?.rule[column.id] ?? "";
      if (from === to || (!column.out && !(was && is))) continue; // the place tells the conditions of a row that came or went
      const cell = (value: string) => (column.out ? <Then value={value} field={column.field} /> : <Condition value={value} field={column.field} />);
      lines.push({ key: `${id} ${column.id}`, place, what: <Name column={column} />, before: was ? cell(from) : <Fated is="added" />, after: is ? cell(to) : <Fated is="removed" /> });
    }
  }
  return lines;
}

function Fated({ is }: { is: "added" | "removed" }) {
  const { t } = useSpeech();
  return <span className="muted">{t(is === "added" ? "changes.was_not" : "changes.is_gone")}</span>;
}

function Name({ column }: { column: { field?: string; name: string } }) {
  const { called } = useFeature();
  return <>{(column.field && called(column.field)) || column.name}</>;
}

function Place({ table, rule, n }: { table: DecisionTable; rule: Rule; n: number }) {
  const { t } = useSpeech();
  const set = table.inputs.filter((column) => rule[column.id]);
  return (
    <>
      <span className="muted">{t("changes.row", { n: n + 1 })}</span>{" "}
      {set.length ? set.map((column) => <div key={column.id}><Name column={column} /> <Condition value={rule[column.id] ?? ""} field={column.field} /></div>) : <span className="muted">{t("policy.otherwise")}</span>}
    </>
  );
}

function Text({ value }: { value: unknown }) {
  if (value === undefined) return <>–</>;
  return <span className="code">{typeof value === "string" ? value : JSON.stringify(value, null, 1)}</span>;
}
