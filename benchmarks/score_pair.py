"""Ability and willingness on a real micro-lender's loans: `jiehuan score pair` on what is known of the borrower's earlier loans.

    python benchmarks/score_pair.py

SuperLender has no cash flow: ability is amount, term, age, bank, employment and education. Behaviour comes from earlier loans as
known on the day of the application. All figures are out of fold; the willingness of people of one third of ability is the test that
the second score is not the first in disguise.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl
from score_sets import superlender_loans

ABILITY = "loanamount,totaldue,termdays,age,bank_account_type,bank_name_clients,employment_status_clients,level_of_education_clients"


def main() -> None:
    frame, events = superlender_loans()
    frame = frame.with_columns(bad=pl.Series(events.astype(int)))
    aside = {"bad", "customerid", "applied_at", *ABILITY.split(",")}
    behaviour = [name for name in frame.columns if name not in aside and name not in ("loannumber",)]
    print(f"{frame.height} loans, {events.mean():.1%} bad\nability: {ABILITY}\nbehaviour: {', '.join(behaviour)}\n")
    with tempfile.TemporaryDirectory() as folder:
        frame.write_parquet(Path(folder) / "loans.parquet")
        command = [
            sys.executable, "-m", "jiehuan", "score", "pair", f"{folder}/loans.parquet", "--target", "bad", "--ability", ABILITY,
            "--willingness", ",".join(behaviour), "--id", "customerid", "--time", "applied_at", "--out", f"{folder}/pair", "--json",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr or done.stdout)
    told = json.loads(done.stdout)["metrics"]
    print("| score | AUC out of fold |\n|---|---|")
    for name, title in (("ability", "ability alone"), ("both", "both"), ("one_card", "one scorecard of all columns")):
        low, high = told[name].get("intervals", {}).get("auc", (float("nan"),) * 2)
        print(f"| {title} | {told[name]['auc']:.4f} ({low:.4f} to {high:.4f}) |")
    thirds = ", ".join(f"{one:.3f}" for one in told["willingness_auc"][::-1])
    print(f"| willingness within thirds of ability, lowest first | {thirds} |")
    print(
        f"\ncorrelation of the two: {told['correlation']:.3f}; calibration slope of both {told['both']['calibration_slope']:.2f}"
    )


if __name__ == "__main__":
    main()
