// The clearing account: what came in and is nobody's yet, what went out unexplained, and the bank's statements.
import { useSpeech } from "../i18n";
import { useSession } from "../session";
import { Bring } from "./money/Bring";
import { Statements } from "./money/Statements";
import { Outgoings, Suspense } from "./money/Waiting";

export default function MoneyPage() {
  const { t } = useSpeech();
  const { may } = useSession();
  return (
    <main className="page">
      <h1>{t("nav.money")} {may("POST /api/money/statements") && <Bring />}</h1>
      <div className="flow">
        <Suspense />
        <Outgoings />
        <Statements />
      </div>
    </main>
  );
}
