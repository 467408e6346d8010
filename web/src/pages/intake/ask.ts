// From the form to the interface's words and back: the application that is sent, and the field that a refusal is about.
import type { Problem, Schema } from "../../api/client";
import type { FlowFile } from "./flowFile";
import { ageOn, readIdentity, today } from "./identity";

/** What the form holds. A consent is the instant at which it was given. */
export interface Written {
  name?: string;
  id_number?: string;
  phone?: string;
  email?: string;
  region?: string;
  language?: "zh" | "en";
  is_student?: boolean;
  identity_verified?: boolean;
  on_block_list?: boolean;
  told?: boolean;
  consent?: Record<string, string | undefined>;
  product?: string;
  amount?: string;
  months?: number;
  purpose?: string;
  channel?: string;
  declared_income?: string;
  living_costs?: string;
  pay_day?: number | null;
}

export const FLOW_CONSENT = "bank_statement";

export function applicationOf(said: Written, flow: FlowFile | undefined, lender: string): Schema["ApplicationIn"] {
  const told = readIdentity(said.id_number ?? "");
  const consents = Object.entries(said.consent ?? {}).filter(([, at]) => at).map(([purpose, given_at]) => ({ purpose, given_at }));
  const features: Record<string, unknown> = {
    consents, age: told && ageOn(told.born, today()), is_student: said.is_student, identity_verified: said.identity_verified ?? false, on_block_list: said.on_block_list,
    declared_income_fen: said.declared_income ? fen(said.declared_income) : undefined,
    living_costs: said.living_costs || undefined, pay_day: said.pay_day ?? undefined, bank_flow: flow?.rows,
  };
  return {
    lender_type: lender as Schema["ApplicationIn"]["lender_type"],
    product: said.product ?? "", channel: said.channel ?? "branch", purpose: said.purpose ?? "", amount: said.amount ?? "", months: said.months ?? 0,
    features: Object.fromEntries(Object.entries(features).filter(([, value]) => value !== undefined)),
    borrower: {
      name: said.name, id_number: said.id_number, phone: said.phone, email: said.email || undefined, region: said.region ?? "",
      birth_date: told?.born, sex: told?.sex, language: said.language ?? "zh",
    },
  };
}

const PLACES: [RegExp, keyof Written][] = [
  [/^(?:body )?borrower[ .](name|id_number|phone|email|region|language)$/, "name"],
  [/^(?:body )?borrower(?:[ .,]+(?:birth_date|birth_year|sex|borrower_id))?$/, "id_number"],
  [/^(?:body |feature )?(product|amount|months|purpose|channel|living_costs|pay_day)$/, "product"],
  [/^(?:feature )?declared_income(?:_fen)?$/, "declared_income"],
  [/^feature (is_student|on_block_list|identity_verified)$/, "is_student"],
];

/** The field of the form that a refusal is about; undefined when it is about the flow or none. */
export function fieldOf(problem: Problem): keyof Written | undefined {
  for (const [pattern, field] of PLACES) {
    const found = pattern.exec(problem.where);
    if (found) return (found[1] as keyof Written | undefined) ?? field;
  }
  return undefined;
}

function fen(yuan: string): number {
  const [whole = "0", cents = ""] = yuan.split(".");
  return Number(whole) * 100 + Number(cents.padEnd(2, "0"));
}
