// A new application, written by an officer beside the applicant: what the flow shows is seen before anything is kept.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Alert, App as AntApp, Button, Card, Empty, Form, Popconfirm, Space } from "antd";
import { useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import { api, ApiError, body, once, type Problem, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { inChinese } from "../i18n/problems";
import { useExplain } from "../parts/explain";
import { Problems } from "../parts/Problems";
import { Code } from "../parts/show";
import { useAct } from "../parts/useAct";
import { Wait } from "../parts/Wait";
import { useSession } from "../session";
import { type Affordability, CashFlow } from "./application/CashFlow";
import { Features } from "./application/Features";
import { Income, type IncomeReport } from "./application/Income";
import { Way } from "./application/Way";
import { applicationOf, fieldOf, type Written } from "./intake/ask";
import { forgetDraft, keepDraft, takeDraft } from "./intake/draft";
import { Fields } from "./intake/Fields";
import { Flow } from "./intake/Flow";
import { enough, type FlowFile } from "./intake/flowFile";

interface Draft {
  said: Written;
  flow?: FlowFile;
}

export default function NewApplicationPage() {
  const { t } = useSpeech();
  const query = useQuery({ queryKey: ["intake"], staleTime: Infinity, queryFn: () => body(api.GET("/api/intake")) });
  return (
    <main className="page">
      <h1>{t("intake.new")}</h1>
      <Way status="writing" />
      <Wait query={query}>{(choices) => <Writing choices={choices} />}</Wait>
    </main>
  );
}

function Writing({ choices }: { choices: Schema["IntakeOut"] }) {
  const { t, language } = useSpeech();
  const { me } = useSession();
  const { message } = AntApp.useApp();
  const explain = useExplain();
  const navigate = useNavigate();
  const [form] = Form.useForm<Written>();
  const [draft] = useState(() => takeDraft<Draft>(me.user_id));
  const [flow, setFlow] = useState(draft?.flow);
  const [refused, setRefused] = useState<Problem[]>([]);
  const [stale, setStale] = useState(false);
  const header = useRef(once());
  const next = useRef<"check" | "keep">("check");
  const fresh: Written = { language, product: choices.products[0]?.id, channel: "branch" };

  const changed = (said: Written, now: FlowFile | undefined) => {
    keepDraft(me.user_id, { said, flow: now } satisfies Draft);
    header.current = once();
    setStale(true);
  };
  /** A refusal stands beside its field where it has one, else above the form. False for what is no refusal of the words. */
  const refuse = (error: unknown): boolean => {
    const problems = error instanceof ApiError && error.status === 422 ? error.problems : [];
    if (!problems.length) return false;
    const beside = new Map<keyof Written, string[]>();
    for (const problem of problems) {
      const field = fieldOf(problem);
      const said = [problem.reason, problem.mend].filter(Boolean).map((text) => (language === "zh" ? inChinese(text) : text)).join(language === "zh" ? "，" : ", ");
      if (field) beside.set(field, [...(beside.get(field) ?? []), said]);
    }
    setRefused(problems.filter((problem) => !fieldOf(problem)));
    form.setFields([...beside].map(([name, errors]) => ({ name, errors })));
    const first = [...beside.keys()][0];
    if (first) form.scrollToField(first, { focus: true, block: "center" });
    else window.scrollTo({ top: 0 });
    return true;
  };
  const check = useMutation({
    mutationFn: (asked: Schema["ApplicationIn"]) => body(api.POST("/api/intake/preview", { body: asked })),
    onSuccess: () => { setRefused([]); setStale(false); },
    onError: (error) => { if (!refuse(error)) message.error(explain(error), 6); },
  });
  const keep = useAct(
    (asked: Schema["ApplicationIn"]) => body(api.POST("/api/applications", { params: { header: header.current }, body: asked })),
    (kept) => { forgetDraft(); message.success(t("intake.kept")); navigate(`/applications/${encodeURIComponent(kept.application_id)}`); },
    refuse,
  );
  const send = (said: Written) => {
    if (flow && !enough(flow)) return;
    setRefused([]);
    const asked = applicationOf(said, flow, choices.lender_type);
    if (next.current === "check") check.mutate(asked);
    else keep.mutate(asked);
  };
  const go = (what: "check" | "keep") => { next.current = what; form.submit(); };
  const clear = () => {
    forgetDraft();
    form.resetFields();
    form.setFieldsValue({ ...Object.fromEntries(Object.keys(form.getFieldsValue()).map((name) => [name, undefined])), ...fresh });
    setFlow(undefined);
    setRefused([]);
    check.reset();
  };
  return (
    <>
      {refused.length > 0 && <Problems title={t("intake.mend_first", { n: refused.length })} problems={refused} />}
      {choices.problems.length > 0 && <Problems type="warning" title={t("before.sources")} problems={choices.problems} />}
      <div className="intake">
        <Form<Written>
          form={form} layout="vertical" requiredMark scrollToFirstError={{ focus: true, block: "center" }} initialValues={{ ...fresh, ...draft?.said }}
          onValuesChange={(_, said) => changed(said, flow)} onFinish={send} aria-label={t("intake.new")} className="flow"
        >
          <Fields choices={choices} hasFlow={flow !== undefined}>
            <Flow flow={flow} onChange={(now) => { setFlow(now); changed(form.getFieldsValue(), now); }} />
          </Fields>
          <Space wrap>
            <Button type={check.data && !stale ? "default" : "primary"} loading={check.isPending} onClick={() => go("check")}>{t("intake.check")}</Button>
            <Button type={check.data && !stale ? "primary" : "default"} loading={keep.isPending} onClick={() => go("keep")}>{t("intake.submit")}</Button>
            <Popconfirm title={t("intake.clear_sure")} onConfirm={clear}><Button type="text">{t("intake.clear")}</Button></Popconfirm>
            <Link to="/applications">{t("list.back")}</Link>
          </Space>
          <p className="muted citation">{t("intake.draft_kept")}</p>
        </Form>
        <section aria-label={t("intake.result")} aria-live="polite" className="flow">
          {check.data ? <Shown data={check.data} stale={stale} /> : <Card size="small"><Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("intake.not_checked")} /></Card>}
        </section>
      </div>
    </>
  );
}

function Shown({ data, stale }: { data: Schema["Preview"]; stale: boolean }) {
  const { t } = useSpeech();
  const { features } = data.inputs as { features: Record<string, unknown> };
  return (
    <div className={stale ? "flow held" : "flow"}>
      {stale && <Alert type="info" showIcon title={t("intake.stale")} />}
      {data.known_borrower && <Alert type="info" showIcon title={t("intake.known")} />}
      <Card size="small"><Code group="outcome" value={data.outcome} /> <span className="muted">{t("intake.indicative")}</span></Card>
      <Income report={data.income as unknown as IncomeReport | null} />
      <CashFlow found={data.affordability as unknown as Affordability | null} />
      <Card size="small" title={t("intake.profile")}><Features features={features} /></Card>
    </div>
  );
}
