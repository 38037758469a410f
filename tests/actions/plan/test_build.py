import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.actions.plan.build import COLUMNS, DayPlan, build_plan
from churn.actions.plan.telling import NO_MANAGER
from churn.actions.today import in_hold_out
from churn.config import Config, PlanSettings
from long_runs import examples
from today_rows import today_of

DATE = dt.date(2026, 1, 5)
NAN = float("nan")
EVERYBODY = Config(plan=PlanSettings(hold_out=0))


def customer(customer_id: str, **known: object) -> dict[str, object]:
    """One ordinary customer of manager M1 at branch N, nothing known of losses and contacts."""
    return {
        "customer_id": customer_id, "branch_id": "N", "manager_id": "M1", "tier": "ordinary",
        "do_not_contact": False, "familiarity_stage": 0, "days_since_contact": NAN, "aum_cny": 1000.0,
        "unrealised_pnl_cny": NAN, "unrealised_return": NAN, "n_loss_notices_since_loss": 0,
        "product_coverage": 1.0, **known,
    }  # fmt: skip


def score(customer_id: str, probability: float = 0.4, **known: object) -> dict[str, object]:
    return {
        "customer_id": customer_id, "churn_probability": probability, "next_binding": None, "next_product": None,
        "raises_1_en": None, "raises_1_zh": None, "reason_1": None, "next_binding_effect": NAN, **known,
    }  # fmt: skip


def frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    texts = ("manager_id", "next_binding", "next_product", "raises_1_en", "raises_1_zh", "reason_1")
    found = pd.DataFrame(rows)
    for name in set(texts) & set(found):
        found[name] = pd.Series([row[name] for row in rows], dtype=object)
    return found


def plan_of(
    *people: dict[str, object], config: Config = EVERYBODY, missing: tuple[str, ...] = (), **scores: object
) -> DayPlan:
    scored = [score(str(person["customer_id"]), **scores) for person in people]
    return build_plan(today_of(frame(list(people)), frame(scored), DATE, config, missing=missing))


def draw_bank(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, Config]:
    """Draw any bank: managers across branches, branches without managers, refusals, losses, settings."""
    rng = np.random.default_rng(seed)
    n, managers, branches = int(rng.integers(1, 60)), int(rng.integers(1, 5)), int(rng.integers(1, 4))
    tiers = rng.choice(["ordinary", "gold", "platinum"], n)
    people = [
        customer(
            f"C{number}",
            branch_id=f"B{rng.integers(branches)}",
            manager_id=None if number and rng.random() < 0.5 else f"M{rng.integers(managers)}",
            tier=tiers[number],
            do_not_contact=bool(rng.random() < 0.2),
            familiarity_stage=int(rng.integers(4)),
            days_since_contact=NAN if rng.random() < 0.5 else float(rng.integers(1, 30)),
            aum_cny=NAN if rng.random() < 0.1 else float(rng.lognormal(10, 2)),
            unrealised_pnl_cny=-2e4 if rng.random() < 0.3 else NAN,
            unrealised_return=-0.1,
            n_loss_notices_since_loss=int(rng.random() < 0.3),
        )
        for number in range(n)
    ]
    scores = [
        score(
            f"C{number}",
            float(rng.random()),
            next_binding="cts" if rng.random() < 0.5 else None,
            next_binding_effect=NAN if rng.random() < 0.5 else -float(rng.random()),
        )
        for number in range(n + 3)
        if rng.random() < 0.9
    ]
    drawn = PlanSettings.model_validate(
        {
            "meetings": int(rng.integers(4)),
            "calls": int(rng.integers(8)),
            "rest_days": int(rng.integers(15)),
            "hold_out": float(rng.choice([0, 0.1, 0.5])),
            "managers": {"M0": {"meetings": 1, "calls": 2}, "M1": {"away": [DATE]}},
        }
    )
    return frame(people), frame(scores or [score("nobody")]), Config(plan=drawn)


@settings(max_examples=examples(20, 60), deadline=None, derandomize=True)
@given(st.integers(0, 1_000_000))
def test_every_constraint_holds_for_any_bank(seed):
    people, scores, config = draw_bank(seed)
    plan = build_plan(today_of(people, scores, DATE, config))
    chosen, rows = config.plan, plan.rows
    today = people.set_index("customer_id").loc[rows["customer_id"]].reset_index()
    assert rows["customer_id"].is_unique
    assert not today["do_not_contact"].any()
    assert not (today["days_since_contact"] <= chosen.rest_days).any()
    assert set(rows["customer_id"]) <= set(scores["customer_id"])
    held = in_hold_out(rows["customer_id"], chosen)
    assert (rows.loc[held, "purpose"] == "loss_notice").all()
    told = rows[rows["purpose"] == "loss_notice"]
    assert told[["service", "product", "next_binding_effect"]].isna().all().all()
    assert (told[["offer_en", "offer_zh"]] == "").all().all()
    room = {
        name: (1, 2) if name == "M0" else (0, 0) if name == "M1" else (chosen.meetings, chosen.calls)
        for name in plan.managers["manager_id"]
    }
    for manager, theirs in rows.groupby("manager_id"):
        assert ((theirs["kind"] == "meeting").sum(), (theirs["kind"] == "call").sum()) <= room[manager]
        assert (theirs["kind"] == "meeting").sum() <= room[manager][0]
        assert (theirs["kind"] == "call").sum() <= room[manager][1]
    proposed = plan.assignments.set_index("customer_id")["proposed_manager_id"]
    home = plan.managers.set_index("manager_id")["branch_id"]
    for row, own, vip in zip(rows.itertuples(), today["manager_id"], today["tier"] != "ordinary", strict=True):
        if pd.notna(own):
            assert row.manager_id == own
        elif vip:
            assert row.manager_id == proposed[row.customer_id]
        else:
            assert home[row.manager_id] == row.branch_id


@settings(max_examples=examples(20, 60), deadline=None, derandomize=True)
@given(st.integers(0, 1_000_000), st.randoms())
def test_the_order_of_the_rows_changes_nothing(seed, random):
    people, scores, config = draw_bank(seed)
    order = list(range(len(scores)))
    random.shuffle(order)
    one = build_plan(today_of(people, scores, DATE, config))
    other = build_plan(today_of(people, scores.iloc[order].reset_index(drop=True), DATE, config))
    pd.testing.assert_frame_equal(one.rows, other.rows)


@settings(max_examples=examples(20, 60), deadline=None, derandomize=True)
@given(st.integers(0, 1_000_000))
def test_everybody_is_planned_left_out_or_without_room(seed):
    people, scores, config = draw_bank(seed)
    plan = build_plan(today_of(people, scores, DATE, config))
    assert sum(plan.left_out.values()) + len(plan.rows) <= len(people) == plan.n_customers
    wide = config.model_copy(update={"plan": PlanSettings(meetings=30, calls=60, hold_out=0)})
    room = build_plan(today_of(people, scores, DATE, wide))
    assert sum(room.left_out.values()) + len(room.rows) == len(people)


def test_the_columns_begin_as_other_programs_rely_on():
    plan = plan_of(customer("A"))
    assert tuple(plan.rows.columns) == COLUMNS
    assert COLUMNS[:11] == (
        "date", "manager_id", "kind", "rank", "customer_id", "purpose", "service", "churn_probability",
        "expected_value_kept", "why_en", "why_zh",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("stage", "purpose", "record_as"),
    [(0, "introduce", "introduce"), (1, "invite", "invite"), (2, "familiarise", "care"), (3, "configure", "offer")],
)
def test_the_next_step_follows_how_far_we_got_and_a_meeting_prepares_the_product(stage, purpose, record_as):
    (row,) = plan_of(customer("A", familiarity_stage=stage)).rows.to_dict("records")
    assert (row["purpose"], row["record_as"]) == (purpose, record_as)


@pytest.mark.parametrize(
    ("pnl", "returned", "told", "purpose"),
    [
        (-500.0, -0.05, False, "loss_notice"),  # a twentieth of the cost
        (-10_000.0, -0.01, False, "loss_notice"),  # a small share, a large amount
        (-500.0, -0.049, False, "invite"),
        (-500.0, -0.5, True, "invite"),
        (NAN, NAN, False, "invite"),
    ],
)
def test_a_loss_that_can_be_felt_and_was_not_told_comes_before_the_next_step(pnl, returned, told, purpose):
    person = customer("A", familiarity_stage=1, unrealised_pnl_cny=pnl, unrealised_return=returned)
    person |= {"n_loss_notices_since_loss": int(told)}
    assert plan_of(person).rows["purpose"].tolist() == [purpose]


def test_the_hold_out_is_told_its_losses_and_nothing_else():
    held = Config(plan=PlanSettings(hold_out=0.9999))
    plan = plan_of(customer("A"), customer("B", unrealised_pnl_cny=-9e4, unrealised_return=-0.2), config=held)
    assert plan.rows[["customer_id", "purpose"]].to_numpy().tolist() == [["B", "loss_notice"]]
    assert plan.left_out["held_out"] == 1


@pytest.mark.parametrize(("days", "planned"), [(7.0, 0), (8.0, 1), (NAN, 1)])
def test_rest_days_lie_between_two_contacts(days, planned):
    assert len(plan_of(customer("A", days_since_contact=days)).rows) == planned


def test_a_manager_away_meets_nobody_and_nobody_else_calls_their_customers():
    away = {"plan": {"hold_out": 0, "managers": {"M1": {"away": [DATE.isoformat()]}}}}
    plan = plan_of(customer("A"), customer("B", manager_id="M2"), config=Config.model_validate(away))
    assert plan.rows["customer_id"].tolist() == ["B"]


def test_a_vip_without_a_manager_is_proposed_to_one_and_planned_with_that_one():
    vip = customer("V", manager_id=None, tier="gold")
    plan = plan_of(customer("A"), customer("B"), customer("C", manager_id="M2"), vip)
    row = plan.rows.set_index("customer_id").loc["V"]
    assert (row["manager_id"], row["assignment"]) == ("M2", "proposed")
    assert "this manager is proposed" in row["why_en"]
    assert plan.assignments[["customer_id", "proposed_manager_id", "status"]].to_numpy().tolist() == [
        ["V", "M2", "proposed"]
    ]


def test_a_customer_of_a_branch_without_managers_is_counted_and_not_planned():
    plan = plan_of(customer("A"), customer("B", branch_id="S", manager_id=None))
    assert plan.rows["customer_id"].tolist() == ["A"]
    assert plan.left_out["branch_without_manager"] == 1


def test_without_managers_everybody_is_left_out_and_vips_wait():
    people = [customer("A"), customer("V", tier="gold"), customer("R", do_not_contact=True)]
    plan = plan_of(*(person | {"manager_id": None} for person in people))
    assert plan.rows.empty
    assert tuple(plan.rows.columns) == COLUMNS
    assert plan.managers.empty
    assert plan.assignments[["customer_id", "status"]].to_numpy().tolist() == [["V", "open"]]
    assert plan.assignments["reason_en"].tolist() == ["a VIP without a responsible manager; branch N has no manager"]
    assert {name: n for name, n in plan.left_out.items() if n} == {"do_not_contact": 1, "branch_without_manager": 2}
    assert plan.notes[0] == NO_MANAGER


def test_without_contacts_nobody_is_said_to_have_been_told_nothing():
    lost = {"unrealised_pnl_cny": -9e4, "unrealised_return": -0.2}
    unknown, known = (plan_of(customer("A", **lost), missing=missing) for missing in (("contacts",), ()))
    assert (unknown.knows_contacts, known.knows_contacts) == (False, True)
    assert unknown.rows["purpose"].tolist() == known.rows["purpose"].tolist() == ["loss_notice"]
    for language, words in (("en", "not discussed yet"), ("zh", "尚未提示")):
        assert words in known.rows[f"why_{language}"][0]
        assert words not in unknown.rows[f"why_{language}"][0]
    assert len(unknown.notes) == len(known.notes) + 1


def test_meetings_go_to_whom_we_know_and_to_strangers_where_nobody_else_is_there():
    strangers = [customer(f"S{number}", aum_cny=1e6, tier="gold") for number in range(3)]
    known = [customer("K1", familiarity_stage=1, aum_cny=9e5), customer("K2", familiarity_stage=2, aum_cny=7e5)]
    config = Config(plan=PlanSettings(meetings=2, calls=3, hold_out=0))
    rows = plan_of(*strangers, *known, config=config).rows
    assert rows.loc[rows["kind"] == "meeting", "customer_id"].tolist() == ["K2", "K1"]
    alone = plan_of(*strangers, known[0], config=config).rows
    assert set(alone.loc[alone["kind"] == "meeting", "customer_id"]) == {"K1", "S0"}


def test_an_effect_that_cannot_be_told_is_not_claimed():
    plan = plan_of(customer("A", familiarity_stage=3), next_binding="cts")
    (row,) = plan.rows.to_dict("records")
    assert row["service"] == "cts"
    assert np.isnan(row["next_binding_effect"])
    assert row["offer_en"] == "bind third-party custody (CTS): effect not known"
    assert row["assumed"] == "contact_effect + meeting_factor"
    assert row["expected_value_kept"] == pytest.approx(0.4 * 2000 * 0.05 * 1.5)


def test_ranks_follow_the_value_within_each_kind_and_the_last_contact_is_dated():
    people = [
        customer("A", aum_cny=1.0),
        customer("B", aum_cny=9e4),
        customer("C", aum_cny=5e4, days_since_contact=20.0),
    ]
    config = Config(plan=PlanSettings(meetings=1, hold_out=0))
    rows = plan_of(*people, config=config).rows
    assert rows.loc[rows["kind"] == "call", "rank"].tolist() == list(range(1, (rows["kind"] == "call").sum() + 1))
    assert (rows.groupby("kind")["expected_value_kept"].diff().dropna() <= 0).all()
    assert rows.set_index("customer_id")["last_contacted_on"].to_dict() == {"A": None, "B": None, "C": "2025-12-16"}


def test_an_empty_text_is_empty_however_pandas_holds_it():
    people, scores = frame([customer("A"), customer("B")]), frame([score("A", next_binding="cts"), score("B")])
    one = build_plan(today_of(people, scores, DATE, EVERYBODY)).rows
    people, scores = people.astype({"manager_id": "str"}), scores.astype({"next_binding": "str"})
    other = build_plan(today_of(people, scores, DATE, EVERYBODY)).rows
    assert one["offer_en"].tolist() == other["offer_en"].tolist()
    assert sorted(one["offer_en"]) == ["", "bind third-party custody (CTS): effect not known"]


def test_without_reasons_in_words_the_feature_is_named():
    plan = plan_of(customer("A"), reason_1="days_since_contact")
    assert "raised most by days since the last contact" in plan.rows["why_en"][0]
    assert "主要因素是距上次联系天数" in plan.rows["why_zh"][0]
