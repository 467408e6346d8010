// The law of a day for a kind of lender: what each rule says, its citation, how sure we are; and each rule through time.
import { useQuery } from "@tanstack/react-query";
import { Card, DatePicker, Drawer, Input, Select, Space, Tag } from "antd";
import dayjs from "dayjs";
import { useState } from "react";
import { api, body, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { Rows } from "../parts/Rows";
import { useFilters } from "../parts/Listing";
import { Code } from "../parts/show";
import { Wait } from "../parts/Wait";

const LENDERS = ["bank", "consumer_finance_company", "micro_lender", "other"];

export default function LawPage() {
  const { t, code, pick } = useSpeech();
  const state = useFilters();
  const [rule, setRule] = useState<string>();
  const [find, setFind] = useState("");
  const lender = state.values.lender ?? "consumer_finance_company";
  const on = state.values.on;
  const query = useQuery({
    queryKey: ["law", lender, on],
    queryFn: () => body(api.GET("/api/law", { params: { query: { lender, on } as never } })),
  });
  const fits = (row: Schema["RuleOut"]) => `${pick(row.name)} ${pick(row.sentence)} ${pick(row.citation)}`.toLowerCase().includes(find.trim().toLowerCase());
  return (
    <main className="page">
      <h1>{t("nav.law")}</h1>
      <div className="filters">
        <Select
          aria-label={t("law.lender")}
          value={lender}
          style={{ minWidth: 170 }}
          popupMatchSelectWidth={false}
          options={LENDERS.map((value) => ({ value, label: code("lender", value) }))}
          onChange={(value) => state.set({ lender: value })}
        />
        <DatePicker
          aria-label={t("law.on")}
          value={on ? dayjs(on) : null}
          placeholder={query.data?.on ?? t("word.today")}
          onChange={(value) => state.set({ on: value?.format("YYYY-MM-DD") })}
        />
        <Input.Search allowClear placeholder={t("law.find")} aria-label={t("law.find")} style={{ width: 220 }} onChange={(event) => setFind(event.target.value)} />
      </div>
      <Wait query={query}>
        {(data) => (
          <>
            <Rows<Schema["RuleOut"]>
              pagination={false}
              scroll={{ x: 900 }}
              rowKey={(row) => row.id}
              dataSource={data.rules.filter(fits)}
              columns={[
                { title: t("law.rule"), width: 170, render: (_, row) => <a onClick={() => setRule(row.id)}>{pick(row.name)}</a> },
                { title: t("law.says"), render: (_, row) => pick(row.sentence) },
                { title: t("field.citation"), width: 260, render: (_, row) => <span className="citation">{code("source", row.source)}<div className="muted">{pick(row.citation)}</div></span> },
                { title: t("law.grade"), width: 130, dataIndex: "grade", render: (value) => <Code group="grade" value={value} /> },
                { title: t("law.since"), width: 100, dataIndex: "valid_from" },
              ]}
            />
            <p className="muted" style={{ marginTop: 12 }}>{t("law.version", { version: data.version.slice(0, 12) })}</p>
          </>
        )}
      </Wait>
      {rule && <History id={rule} onClose={() => setRule(undefined)} />}
    </main>
  );
}

function History({ id, onClose }: { id: string; onClose: () => void }) {
  const { t, code, pick } = useSpeech();
  const query = useQuery({ queryKey: ["law", id], queryFn: () => body(api.GET("/api/law/{rule_id}", { params: { path: { rule_id: id } } })) });
  return (
    <Drawer open size={480} onClose={onClose} title={query.data ? pick(query.data.name) : t("law.history")}>
      <Wait query={query}>
        {(data) => (
          <div className="flow">
            {data.rules.map((rule, n) => (
              <Card key={n} size="small" title={`${rule.valid_from} ${t("law.until")} ${rule.valid_to ?? "…"}`}>
                <p style={{ marginTop: 0 }}>{pick(rule.sentence)}</p>
                <p className="muted citation">{pick(rule.citation)}</p>
                <Space wrap size={4}>
                  <Code group="grade" value={rule.grade} />
                  <Tag>{rule.binding ? t("law.binding") : t("law.house")}</Tag>
                  {rule.lenders.map((lender) => <Tag key={lender}>{code("lender", lender)}</Tag>)}
                </Space>
              </Card>
            ))}
          </div>
        )}
      </Wait>
    </Drawer>
  );
}
