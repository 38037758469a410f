import pytest

from churn.config import Config, read_config
from churn.errors import ConfigError
from churn.tables.contract import contract_tables
from churn.tables.mapping import require_mapping


def require(config):
    require_mapping(config, contract_tables(config))


@pytest.mark.parametrize(
    ("customers", "where"),
    [
        ({"columns": {"closd_on": "x"}}, "columns.closd_on: is not a column"),
        ({"dates": {"opened": "%Y%m%d"}}, "dates.opened: is not a column"),
        ({"values": {"teir": {"a": "gold"}}}, "values.teir: is not a column"),
        ({"constants": {"teir": "gold"}}, "constants.teir: is not a column"),
        ({"constants": {"tier": "dragon"}}, "constants.tier: must be one of ordinary, gold, platinum"),
        ({"constants": {"opened_on": "20200110"}}, "constants.opened_on: must be a date of the form %Y-%m-%d"),
        ({"constants": {"birth_year": "old"}}, "constants.birth_year: must be a whole number"),
        ({"constants": {"do_not_contact": "perhaps"}}, "constants.do_not_contact: must be true or false"),
        ({"constants": {"tier": ""}}, "constants.tier: is empty"),
        ({"values": {"tier": {"金卡": "golden"}}}, "values.tier.金卡: must be one of ordinary, gold, platinum"),
        ({"values": {"closed_on": {"0": "never"}}}, "values.closed_on.0: must be a date"),
        ({"values": {"birth_year": {"0": "never"}}}, "values.birth_year.0: must be a whole number"),
        ({"columns": {"customer_id": "编号", "branch_id": "编号"}}, "columns.customer_id: .* that of branch_id too"),
        ({"columns": {"branch_id": "manager_id"}}, "columns.branch_id: .* that of manager_id too"),
    ],
)
def test_a_mapping_that_does_not_fit_the_contract_is_refused_and_named(customers, where):
    with pytest.raises(ConfigError, match=r"tables\.customers\." + where):
        require(Config.model_validate({"tables": {"customers": customers}}))


def test_a_table_the_contract_does_not_have_is_refused():
    with pytest.raises(ConfigError, match=r"tables\.custmers: is not a table"):
        require(Config.model_validate({"tables": {"custmers": {}}}))


@pytest.mark.parametrize(
    "customers",
    [
        {"columns": {"customer_id": "branch_id", "branch_id": "customer_id"}},
        {"columns": {"branch_id": "manager_id"}, "constants": {"manager_id": "M1"}},
        {"constants": {"opened_on": "20200110"}, "dates": {"opened_on": "%Y%m%d"}},
        {"constants": {"tier": "普卡"}, "values": {"tier": {"普卡": "ordinary", "未知": ""}}},
        {"values": {"closed_on": {"00000000": ""}, "do_not_contact": {"是": "是"}}},
    ],
)
def test_what_can_be_read_is_let_through(customers):
    require(Config.model_validate({"tables": {"customers": customers}}))


def test_the_message_names_the_configuration_file(tmp_path):
    path = tmp_path / "bank.toml"
    path.write_text('[tables.customers.constants]\ntier = "dragon"\n')
    with pytest.raises(ConfigError, match=r"bank\.toml: tables\.customers\.constants\.tier: "):
        require(read_config(path))
