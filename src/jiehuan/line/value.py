"""What a limit is expected to earn in a year, and how much of one the income carries."""

from __future__ import annotations

from jiehuan.line.decision import LineAccount
from jiehuan.line.params import LineParams
from jiehuan.units.rates import PPM


def expected_profit(account: LineAccount, limit_fen: int, params: LineParams) -> int:
    """A year's expected profit in fen if the limit were ``limit_fen``: margin on what is used, less expected loss.

    Used: the balance and ``usage`` of what is added to or left of the free limit. Lost: pd x lgd x the exposure at default,
    which is the balance and ``undrawn_drawn_before_default`` of the free limit.
    """
    free = max(0, limit_fen - account.balance_fen)
    used = account.balance_fen + params.usage * free
    exposure = account.balance_fen + params.undrawn_drawn_before_default * free
    margin = (account.rate_ppm - params.funding_rate - params.cost_rate) / PPM
    return round((1.0 - account.pd) * margin * used - account.pd * params.lgd * exposure)


def affordable_limit(account: LineAccount, params: LineParams) -> int | None:
    """The limit whose full draw over ``draw_months`` equal instalments the verified income carries; None when unknown."""
    if account.income_fen is None:
        return None
    room = account.income_fen / params.cover - account.obligations_fen
    if room <= 0:
        return 0
    i = account.rate_ppm / PPM / 12
    months = max(1, params.draw_months)
    return int(room * ((1 - (1 + i) ** -months) / i if i > 0 else months))
