"""The records of an account: positions, balances, budgets, reports, and what the monitor makes of them."""

from typing import TYPE_CHECKING

from shm.record import Record

if TYPE_CHECKING:
    from engine.model.rows import (
        AccountBalanceRow,
        BudgetedRow,
        BudgetRow,
        DisagreementRow,
        MonitoredAccountRow,
        MonitoredRow,
        PositionRow,
        ReconciledRow,
    )

POSITION: "Record[PositionRow]" = Record(
    "position",
    256,
    {
        "instrument": "u4",
        "strategy": "u4",  # 0: the whole account
        "size": "i8",  # signed: what can be sold, in whole size steps
        "dust": "i8",  # what is held beyond it, at holding_decimals
        "average_price": "i8",  # of what is held, rounded to the price's decimals, for lookers-on
        "mark_price": "i8",  # 0: none
        "cost_high": "i8",  # exact cost of what is held: (high << 64 | low), at price + holding decimals
        "cost_low": "u8",
        "realised_high": "i8",
        "realised_low": "u8",
        "fees_high": "i8",  # in quote, at price + holding decimals
        "fees_low": "u8",
        "unrealised": "f8",  # this and below: in quote, for lookers; nan without a price
        "realised": "f8",
        "fees": "f8",
        "net": "f8",  # realised + unrealised - fees, since the journal's beginning
        "net_day": "f8",  # the same since the first valuation of this UTC day
        "usd_rate": "f8",  # dollars for one of the quote asset
        "update_ns": "i8",
        "day_ns": "i8",  # when this UTC day began
        "fill_count": "u8",
        "bought": "i8",
        "sold": "i8",
        "open_buy": "i8",  # size of open and in-flight orders a side: the worst case
        "open_sell": "i8",
        "fee_unvalued": "i8",  # a fee that no price valued in quote, at FEE_DECIMALS
        "fee_unvalued_asset": "S16",
        "fill_sequence": "u8",  # the FILLS cursor after the newest fill in here: a reader adds the fills from there on
        "price_decimals": "u1",
        "size_decimals": "u1",
        "holding_decimals": "u1",
        "unvalued_assets": "u1",  # in so many assets fees were not valued: the first is shown
        "account": "u4",
        "flags": "u2",  # PositionFlag
        "spare_word": "u2",
        "spare_long": "u4",
        "spare": "2u8",
    },
)

ACCOUNT_BALANCE: "Record[AccountBalanceRow]" = Record(
    "account_balance",
    144,
    {
        "asset": "S64",
        "amount_high": "i8",  # (high << 64 | low), at FEE_DECIMALS: free and locked together
        "amount_low": "u8",
        "locked_high": "i8",  # the part of it that the venue holds for open orders
        "locked_low": "u8",
        "transferred_high": "i8",  # deposits less withdrawals that the venue reported in this life of execution
        "transferred_low": "u8",
        "now_ns": "i8",  # when the venue's answer came
        "connection_ns": "i8",  # when the session came up: on another connection a transfer may be missing
        "fill_sequence": "u8",  # the FILLS cursor when the answer came
        "others": "u4",  # how often the fills of others on this account moved the asset, in this life of execution
        "account": "u4",
    },
)

MONITORED: "Record[MonitoredRow]" = Record(
    "monitored",
    128,
    {
        "instrument": "u4",
        "strategy": "u4",  # 0: the whole account
        "held_high": "i8",  # (high << 64 | low), signed, at holding_decimals
        "held_low": "u8",
        "average": "f8",  # cost of one; this and below: in quote, nan without a price
        "realised": "f8",
        "unrealised": "f8",
        "fees": "f8",
        "net": "f8",
        "notional_usd": "f8",
        "fill_count": "u8",
        "now_ns": "i8",
        "since_ns": "i8",  # since when it differs from execution's; 0: it agrees
        "mark2": "i8",  # twice the middle of the last GOOD book; 0: none
        "account": "u4",
        "state": "u1",  # Agreement
        "price_decimals": "u1",
        "size_decimals": "u1",
        "holding_decimals": "u1",
        "liquidation_price": "f8",  # of a derivative of the account, in quote; nan: there is none
        "spare": "u8",
    },
)

MONITORED_ACCOUNT: "Record[MonitoredAccountRow]" = Record(
    "monitored_account",
    256,
    {
        "now_ns": "i8",
        "since_ns": "i8",  # when this life of the monitor had read every fill
        "execution_silent_ns": "i8",  # since when a running execution has sent no heartbeat; 0: it sends them
        "balances_ns": "i8",  # when the newest balances arrived; 0: none yet
        "compared_ns": "i8",  # when the positions of a running execution were last compared; 0: not yet
        "day_from_ns": "i8",  # from when `net_day` counts; 0: not yet
        "fill_count": "u8",
        "worth": "f8",  # of the venue's balances; this and below: dollars, nan while a price is missing
        "cash": "f8",  # the part of it that is in dollar assets
        "equity": "f8",  # capital_usd and the net; without capital_usd the worth
        "peak": "f8",  # the highest equity
        "net": "f8",
        "net_day": "f8",
        "realised": "f8",
        "unrealised": "f8",
        "fees": "f8",
        "gross": "f8",  # of the positions
        "position": "f8",  # of each limit: what it is compared with, and the limit; nan: not set, or not known
        "position_limit": "f8",
        "concentration": "f8",
        "concentration_limit": "f8",
        "leverage": "f8",
        "leverage_limit": "f8",
        "drawdown": "f8",
        "drawdown_limit": "f8",
        "day_loss": "f8",
        "day_loss_limit": "f8",
        "free": "f8",  # the share of the equity that no position binds; its limit is the least allowed
        "free_limit": "f8",
        "liquidation": "f8",  # the way to the nearest liquidation, as a share of the price; nan: there is none
        "liquidation_limit": "f8",
        "differences": "u4",  # positions and balances that differ now
        "account": "u4",
    },
)

DISAGREEMENT: "Record[DisagreementRow]" = Record(
    "disagreement",
    256,
    {
        "now_ns": "i8",
        "since_ns": "i8",  # when the monitor found it first
        "difference": "i8",  # what execution or the venue has more than the fills, at FEE_DECIMALS, clamped
        "instrument": "u4",
        "strategy": "u4",  # 0: the whole account
        "account": "u4",
        "text": "S208",  # what the monitor computed, and what the other side has
        "spare": "u4",
        "spare_long": "u8",
    },
)

RECONCILED: "Record[ReconciledRow]" = Record(
    "reconciled",
    320,
    {
        "run": "u8",  # the number of the comparison in this life of execution
        "now_ns": "i8",  # when it ended
        "began_ns": "i8",
        "requested_ns": "i8",  # when an operator asked for it; 0: by the interval
        "balances_ns": "i8",  # when the balances last agreed with the fills, or a difference was reported; 0: never
        "orders_ours": "u4",  # open by our records when it ended
        "orders_listed": "u4",  # of ours that the venue listed
        "orders_others": "u4",  # of others that the venue listed
        "fills_listed": "u4",  # by the venue, since the last comparison
        "fills_unknown": "u4",  # of them, those that the journal did not have: others' too
        "assets": "u4",  # whose balances are compared
        "differences": "u4",  # REPORT: how many records of this run precede it
        "instrument": "u4",  # of a difference; 0: none
        "account": "u4",
        "kind": "u4",  # ReconciledKind
        "text": "S208",  # of a difference: what execution has, and what the venue has
        "spare": "4u8",
    },
)

BUDGET: "Record[BudgetRow]" = Record(
    "budget",
    64,
    {
        "version": "u8",  # counts the changes of this account's budget
        "amount": "i8",  # millionths of a dollar that the account's gross worst case may reach
        "now_ns": "i8",  # when the router confirmed it last
        "account": "u4",
        "spare": "u4",
        "spare_long": "4u8",
    },
)

BUDGETED: "Record[BudgetedRow]" = Record(
    "budgeted",
    64,
    {
        "version": "u8",  # of the budget that every further entry is checked against
        "used": "i8",  # the gross worst case, in millionths of a dollar; -1: not known, a price is missing
        "now_ns": "i8",
        "spare": "5u8",
    },
)
