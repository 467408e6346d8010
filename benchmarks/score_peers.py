"""toad and scorecardpy on one split, for ``score_fit.py``: run by an interpreter of their own, as both need old pandas and numpy.

    python score_peers.py train.parquet test.parquet y        -> one JSON line {name: {"seconds", "p": [...]}}

Each is used as its own documentation shows: select, bin, WOE, logistic regression. The time is of all of that on the train part.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")


def with_toad(train, test, target):
    import toad
    from sklearn.linear_model import LogisticRegression

    start = time.process_time()
    chosen = toad.selection.select(train, target=target, empty=0.9, iv=0.005, corr=0.95)
    combiner = toad.transform.Combiner()
    combiner.fit(chosen, y=target, method="chi", min_samples=0.05)
    woe = toad.transform.WOETransformer()
    features = woe.fit_transform(combiner.transform(chosen), chosen[target], exclude=[target]).drop(columns=[target])
    model = LogisticRegression(max_iter=1000).fit(features, train[target])
    seconds = time.process_time() - start
    rows = woe.transform(combiner.transform(test[chosen.columns])).drop(columns=[target])
    return {"seconds": seconds, "p": model.predict_proba(rows)[:, 1].tolist()}


def with_scorecardpy(train, test, target):
    import scorecardpy
    from sklearn.linear_model import LogisticRegression

    start = time.process_time()
    chosen = scorecardpy.var_filter(train, y=target)
    bins = scorecardpy.woebin(chosen, y=target, no_cores=1, print_info=False)
    features = scorecardpy.woebin_ply(chosen, bins, no_cores=1, print_info=False).drop(columns=[target]).fillna(0)
    model = LogisticRegression(penalty="l1", C=0.9, solver="saga", max_iter=1000).fit(features, chosen[target])
    seconds = time.process_time() - start
    rows = scorecardpy.woebin_ply(test[chosen.columns], bins, no_cores=1, print_info=False)[features.columns].fillna(0)
    return {"seconds": seconds, "p": model.predict_proba(rows)[:, 1].tolist()}


def coded(table):
    """Missing values as a code of their own: -99 for numbers, "missing" for texts."""
    return table.apply(lambda column: column.fillna("missing" if column.dtype == object else -99))


def main():
    import pandas

    train, test, target = pandas.read_parquet(sys.argv[1]), pandas.read_parquet(sys.argv[2]), sys.argv[3]
    found = {}
    for name, run in (("toad", with_toad), ("scorecardpy", with_scorecardpy)):
        try:
            try:
                found[name] = run(train.copy(), test.copy(), target)
            except BaseException:  # both stumble over some missing values: give them a code
                found[name] = run(coded(train), coded(test), target)
        except BaseException as error:  # a peer that fails is reported as failed, never left out
            found[name] = {"error": f"{type(error).__name__}: {error}"[:200]}
    sys.stdout = sys.__stdout__
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
