// A node of a decision graph (the open JSON decision model) as people read it: a list of inputs, formulas, or a table.
import { Tag } from "antd";
import { useSpeech } from "../i18n";
import { useFeature } from "./feature";
import { Rows } from "./Rows";

export interface Node {
  id: string;
  name: string;
  type: string;
  content?: unknown;
}

export interface Graph {
  nodes?: Node[];
  edges?: { sourceId: string; targetId: string; sourceHandle?: string }[];
}

interface Column {
  id: string;
  name: string;
  field?: string;
}

export interface DecisionTable {
  hitPolicy: string;
  inputs: Column[];
  outputs: Column[];
  rules: Record<string, string>[];
}

/** The nodes so that each stands after those that feed it; a circle keeps the order of the file. */
export function inOrder(graph: Graph): Node[] {
  const nodes = graph.nodes ?? [];
  const edges = graph.edges ?? [];
  const placed = new Set<string>();
  const order: Node[] = [];
  while (order.length < nodes.length) {
    const waiting = nodes.filter((node) => !placed.has(node.id));
    const ready = waiting.filter((node) => edges.every((edge) => edge.targetId !== node.id || placed.has(edge.sourceId)));
    for (const node of ready.length ? ready : waiting) {
      placed.add(node.id);
      order.push(node);
    }
  }
  return order;
}

export function GraphNode({ node }: { node: Node }) {
  const { t } = useSpeech();
  if (node.type === "inputNode") return <Inputs content={node.content} />;
  if (node.type === "outputNode") return <span className="muted">{t("policy.output")}</span>;
  if (node.type === "decisionTableNode") return <Decisions table={node.content as DecisionTable} />;
  if (node.type === "expressionNode") return <Formulas content={node.content as { expressions?: { id: string; key: string; value: string }[] }} />;
  return <pre className="code">{typeof node.content === "string" ? node.content : JSON.stringify(node.content, null, 2)}</pre>;
}

function Inputs({ content }: { content: unknown }) {
  const { language } = useSpeech();
  const { called } = useFeature();
  const schema = read((content as { schema?: string } | undefined)?.schema);
  return (
    <div className="tag-row">
      {Object.entries(schema).map(([field, about]) => <Tag key={field} title={field}>{about[`x-${language}`] ?? called(field)}</Tag>)}
    </div>
  );
}

function read(schema: string | undefined): Record<string, Record<string, string>> {
  try {
    return JSON.parse(schema ?? "{}").properties ?? {};
  } catch {
    return {};
  }
}

function Formulas({ content }: { content: { expressions?: { id: string; key: string; value: string }[] } }) {
  const { t } = useSpeech();
  const { called } = useFeature();
  return (
    <Rows
      pagination={false}
      scroll={undefined}
      rowKey={(row) => row.id}
      dataSource={content.expressions ?? []}
      columns={[
        { title: t("field.value"), dataIndex: "key", width: "30%", render: (value: string) => <span title={value}>{called(value)}</span> },
        { title: t("policy.formula"), dataIndex: "value", render: (value: string) => <span className="code">{value}</span> },
      ]}
    />
  );
}

/** A wide table of mostly empty conditions is read by its rows: which conditions are set, and what follows. */
function Decisions({ table }: { table: DecisionTable }) {
  const { t } = useSpeech();
  const { called } = useFeature();
  const label = (column: Column) => (column.field ? called(column.field) : "");
  const set = (rule: Record<string, string>) => table.inputs.filter((column) => rule[column.id]);
  return (
    <>
      <p className="muted" style={{ margin: "0 0 8px" }}>{t(table.hitPolicy === "collect" ? "policy.collect" : "policy.first")}</p>
      <Rows
        pagination={false}
        rowKey={(rule) => rule._id ?? JSON.stringify(rule)}
        dataSource={table.rules}
        columns={[
          {
            title: t("policy.when"),
            render: (_, rule) => set(rule).length
              ? set(rule).map((column) => <div key={column.id}>{label(column)} <Condition value={rule[column.id] ?? ""} field={column.field} /></div>)
              : <span className="muted">{t("policy.otherwise")}</span>,
          },
          ...table.outputs.map((column) => ({
            title: label(column) || column.name,
            render: (_: unknown, rule: Record<string, string>) => <Then value={rule[column.id] ?? ""} field={column.field} />,
          })),
        ]}
      />
    </>
  );
}

/** What a field must be; plain yes, no and "not known" in words. */
export function Condition({ value, field }: { value: string; field?: string }) {
  const { t } = useSpeech();
  const words: Record<string, string> = { true: t("word.yes"), false: t("word.no"), null: t("model.missing") };
  return words[value] ? <>{words[value]}</> : <span className="code">{said(value, field)}</span>;
}

export function Then({ value, field }: { value: string; field?: string }) {
  const { name } = useSpeech();
  const text = value.replaceAll("'", "");
  if (field === "outcome") return <strong>{name("outcome", text)}</strong>;
  if (field === "code") return <>{name("reason", text)}</>;
  return <span className="code">{said(value, field)}</span>;
}

/** A condition or value with its amounts in yuan and its shares in percent. */
function said(value: string, field = ""): string {
  const scaled = (unit: number, suffix: string) =>
    value.replace(/\d+/g, (digits) => `${(Number(digits) / unit).toLocaleString("en-US", { maximumFractionDigits: 4 })}${suffix}`);
  if (field.endsWith("_fen")) return scaled(100, "");
  if (field.endsWith("_ppm")) return scaled(10_000, "%");
  return value.replaceAll("'", "");
}
