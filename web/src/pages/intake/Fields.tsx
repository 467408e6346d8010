// The fields of a new application: who asks, what they agreed to, what they want, what they say they earn.
import { Card, Checkbox, Form, Input, InputNumber, Radio, Select } from "antd";
import type { ReactNode } from "react";
import type { Schema } from "../../api/client";
import { useSpeech } from "../../i18n";
import { yuan } from "../../parts/show";
import { FLOW_CONSENT, type Written } from "./ask";
import { ageOn, readIdentity, REGIONS, today } from "./identity";

const AMOUNT = /^(?=.*[1-9])\d{1,13}(\.\d{1,2})?$/;
const CHANNELS = ["branch", "app", "web", "partner", "agent"];
const item = Form.Item<Written>;

export function Fields({ choices, hasFlow, children }: { choices: Schema["IntakeOut"]; hasFlow: boolean; children: ReactNode }) {
  return (
    <>
      <Person />
      <Consents choices={choices} hasFlow={hasFlow} />
      <Wish choices={choices} />
      <Money>{children}</Money>
    </>
  );
}

function Person() {
  const { t, name } = useSpeech();
  const Item = item;
  const form = Form.useFormInstance<Written>();
  const told = readIdentity(Form.useWatch("id_number", form) ?? "");
  const needed = { required: true, message: t("intake.need") };
  return (
    <Card size="small" title={<h2 className="card-title">{t("intake.person")}</h2>}>
      <div className="columns">
        <Item name="name" label={t("intake.name")} rules={[needed]}><Input maxLength={100} autoComplete="off" /></Item>
        <Item
          name="id_number" label={t("intake.id_number")} normalize={(value: string) => value.trim().toUpperCase()} validateTrigger="onBlur"
          rules={[needed, { validator: async (_, value?: string) => { if (value && !readIdentity(value)) throw new Error(t("intake.bad_id")); } }]}
          extra={told && t("intake.born", { on: told.born, age: ageOn(told.born, today()), sex: t(`sex.${told.sex}`) })}
        >
          <Input
            maxLength={18} autoComplete="off"
            onChange={(event) => {
              const region = readIdentity(event.target.value.trim().toUpperCase())?.region;
              if (region && !form.getFieldValue("region")) form.setFieldValue("region", region);
            }}
          />
        </Item>
        <Item name="phone" label={t("intake.phone")} validateTrigger="onBlur" rules={[needed, { pattern: /^\+?\d{5,15}$/, message: t("intake.bad_phone") }]}><Input inputMode="tel" autoComplete="off" /></Item>
        <Item name="email" label={t("intake.email")} validateTrigger="onBlur" rules={[{ pattern: /^[^@\s]+@[^@\s]+$/, message: t("intake.bad_email") }]}><Input inputMode="email" autoComplete="off" /></Item>
        <Item name="region" label={t("intake.region")} rules={[needed]}>
          <Select showSearch optionFilterProp="label" options={REGIONS.map((value) => ({ value, label: name("region", value) }))} />
        </Item>
        <Item name="language" label={t("intake.language")}><Radio.Group aria-label={t("intake.language")} options={[{ value: "zh", label: "中文" }, { value: "en", label: "English" }]} /></Item>
        <Item name="is_student" label={t("intake.student")} rules={[needed]}>
          <Radio.Group aria-label={t("intake.student")} options={[{ value: false, label: t("word.no") }, { value: true, label: t("word.yes") }]} />
        </Item>
        <Item name="on_block_list" label={t("intake.blocked")} rules={[needed]}>
          <Radio.Group aria-label={t("intake.blocked")} options={[{ value: false, label: t("intake.not_listed") }, { value: true, label: t("intake.listed") }]} />
        </Item>
      </div>
      <Item name="identity_verified" valuePropName="checked" style={{ marginBottom: 0 }}><Checkbox>{t("intake.verified")}</Checkbox></Item>
    </Card>
  );
}

/** What the person agreed to, each with the instant at which it was ticked. */
function Consents({ choices, hasFlow }: { choices: Schema["IntakeOut"]; hasFlow: boolean }) {
  const { t, pick } = useSpeech();
  const Item = item;
  const ticked = { getValueFromEvent: (event: { target: { checked: boolean } }) => (event.target.checked ? new Date().toISOString() : undefined), getValueProps: (value?: string) => ({ checked: Boolean(value) }) };
  const purposes = [...new Map(choices.sources.map((source) => [source.purpose, source])).values()];
  const must = (message: string, wanted: boolean) => ({ validator: async (_: unknown, value: unknown) => { if (wanted && !value) throw new Error(message); } });
  return (
    <Card size="small" title={<h2 className="card-title">{t("intake.consents")}</h2>} className="ticks">
      <Item name="told" valuePropName="checked" rules={[must(t("intake.need_told"), true)]}><Checkbox>{t("intake.told_automated")}</Checkbox></Item>
      <Item name={["consent", FLOW_CONSENT]} {...ticked} rules={[must(t("intake.need_consent"), hasFlow)]}><Checkbox>{t("intake.consent_flow")}</Checkbox></Item>
      {purposes.map((source) => (
        <Item key={source.purpose} name={["consent", source.purpose]} {...ticked}><Checkbox>{t("intake.consent_source", { source: pick(source.says) })}</Checkbox></Item>
      ))}
      {purposes.length === 0 && <p className="muted">{t("intake.no_sources")}</p>}
      <p className="muted citation">{t("intake.consent_basis")}</p>
    </Card>
  );
}

function Wish({ choices }: { choices: Schema["IntakeOut"] }) {
  const { t, code, name, pick, language } = useSpeech();
  const Item = item;
  const form = Form.useFormInstance<Written>();
  const chosen = Form.useWatch("product", form);
  const product = choices.products.find((one) => one.id === chosen);
  const needed = { required: true, message: t("intake.need") };
  return (
    <Card size="small" title={<h2 className="card-title">{t("intake.wish")}</h2>}>
      <div className="columns">
        <Item name="product" label={t("field.product")} rules={[needed]} extra={product && pick(product.about)}>
          <Select options={choices.products.map((one) => ({ value: one.id, label: `${pick(one.name)} · ${code("method", one.method)}` }))} />
        </Item>
        <Item name="purpose" label={t("field.purpose")} rules={[needed]}>
          <Select options={[...choices.purposes, "travel", "other"].map((value) => ({ value, label: name("purpose", value) }))} />
        </Item>
        <Item
          name="amount" label={t("field.amount")} validateTrigger="onBlur" rules={[needed, { pattern: AMOUNT, message: t("intake.bad_amount") }]}
          extra={product && t("intake.offers_from", { least: yuan(product.least), most: yuan(product.most), months: product.months.join(language === "zh" ? "、" : ", ") })}
        >
          <Input prefix="¥" inputMode="decimal" autoComplete="off" />
        </Item>
        <Item name="months" label={t("field.months")} rules={[needed, { type: "integer", min: 1, max: 60, message: t("intake.bad_months") }]}>
          <InputNumber suffix={t("unit.months")} style={{ width: "100%" }} />
        </Item>
        <Item name="channel" label={t("field.channel")}><Select options={CHANNELS.map((value) => ({ value, label: name("channel", value) }))} /></Item>
      </div>
    </Card>
  );
}

function Money({ children }: { children: ReactNode }) {
  const { t } = useSpeech();
  const Item = item;
  const amount = { pattern: /^\d{1,13}(\.\d{1,2})?$/, message: t("loan.bad_amount") };
  return (
    <Card size="small" title={<h2 className="card-title">{t("intake.income")}</h2>}>
      <div className="columns">
        <Item name="declared_income" label={t("intake.declared")} validateTrigger="onBlur" rules={[{ required: true, message: t("intake.need") }, amount]}><Input prefix="¥" inputMode="decimal" autoComplete="off" /></Item>
        <Item name="living_costs" label={t("intake.living")} validateTrigger="onBlur" rules={[amount]}><Input prefix="¥" inputMode="decimal" autoComplete="off" /></Item>
        <Item name="pay_day" label={t("intake.pay_day")} extra={t("intake.pay_day_hint")}><InputNumber min={1} max={31} precision={0} style={{ width: "100%" }} /></Item>
      </div>
      <strong>{t("intake.flow")}</strong>
      {children}
    </Card>
  );
}
