import pytest
from pydantic import ValidationError

from churn.config import Config, read_config
from churn.errors import ConfigError


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "bank.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_without_a_file_the_defaults_of_the_contract_hold():
    config = read_config(None)
    assert config.tables == {}
    assert config.flat is None
    assert config.customers.static == ()
    assert (config.label.closed, config.label.holdings, config.label.silent) == (True, True, True)
    assert config.baselines.stated == {"1": 0.62, "3": 0.42, "5+": 0.12}
    assert config.training.embargo_days == 0
    assert {service.product for service in config.services.values()} <= set(config.products)
    assert config.coverage_products == tuple(config.products)


def test_every_section_of_the_contract_is_read(write):
    text = """
    [tables.customers]
    file = "客户信息.csv"
    encoding = "gb18030"
    [tables.customers.columns]
    customer_id = "客户号"
    [tables.customers.dates]
    opened_on = "%Y%m%d"
    [tables.customers.values.tier]
    "普卡" = "ordinary"
    [customers]
    static = ["tier"]
    [label]
    silent = false
    [training]
    embargo_days = 30
    [baselines.stated]
    "2" = 0.5
    """
    config = read_config(write(text))
    source = config.tables["customers"]
    assert (source.file, source.encoding) == ("客户信息.csv", "gb18030")
    assert source.columns == {"customer_id": "客户号"}
    assert source.dates == {"opened_on": "%Y%m%d"}
    assert source.values == {"tier": {"普卡": "ordinary"}}
    assert config.customers.static == ("tier",)
    assert (config.label.closed, config.label.silent) == (True, False)
    assert config.training.embargo_days == 30
    assert config.baselines.stated == {"2": 0.5}


def test_flat_section_is_read(write):
    text = '[flat]\nid = "CLIENTNUM"\nlabel = "Attrition_Flag"\nchurned = "Attrited Customer"\ndrop = ["NB"]\n'
    flat = read_config(write(text)).flat
    assert (flat.id, flat.label, flat.churned) == ("CLIENTNUM", "Attrition_Flag", ("Attrited Customer",))
    assert (flat.coverage, flat.bindings, flat.drop) == (None, (), ("NB",))


def test_file_may_begin_with_a_byte_order_mark(write):
    assert read_config(write(b"\xef\xbb\xbf[label]\nsilent = false\n")).label.silent is False


def test_own_products_and_services_join_the_default_ones(write):
    text = """
    [products.safe]
    en = "safe box"
    zh = "保管箱"
    coverage = false
    sticky = true
    [products.fund]
    en = "mutual fund"
    zh = "公募基金"
    [services.safe_fee]
    product = "safe"
    en = "safe fee"
    zh = "保管费"
    """
    config = read_config(write(text))
    assert list(config.products)[-1] == "safe"
    assert len(config.products) == len(Config().products) + 1
    assert config.products["fund"].en == "mutual fund"
    assert config.services["safe_fee"].product == "safe"
    assert "safe" not in config.coverage_products
    assert "safe" in config.sticky_products


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[lbl]\nsilent = true\n", "lbl: is not a known setting"),
        ("[label]\nsilence = true\n", "label.silence: is not a known setting"),
        ("[tables.customers]\ncols = {}\n", "tables.customers.cols: is not a known setting"),
        ('[label]\nsilent = "perhaps"\n', "label.silent"),
        ("[label]\nclosed = false\nholdings = false\nsilent = false\n", "at least one of closed, holdings, silent"),
        ('[customers]\nstatic = ["birth_year"]\n', "customers.static"),
        ("[training]\nembargo_days = -1\n", "training.embargo_days"),
        ('[baselines.stated]\n"1" = 1.5\n', "baselines.stated.1"),
        ('[baselines.stated]\n"6" = 0.5\n', "baselines.stated.6"),
        ('[flat]\nid = "a"\n', "flat.label"),
        ('[services.x]\nproduct = "dragon"\nen = "x"\nzh = "x"\n', "services.x.product"),
        ('[products.x]\nen = "x"\n', "products.x.zh"),
        ("[label\n", "is not TOML"),
        (b"[label]\n# \xff\n", "is not TOML in UTF-8"),
    ],
)
def test_wrong_setting_is_named_in_one_line(write, text, where):
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert where in message
    assert "\n" not in message


def test_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read .*--config"):
        read_config(tmp_path / "none.toml")


def test_settings_do_not_change_once_read():
    config = Config()
    with pytest.raises(ValidationError):
        config.label = None


def test_a_catalogue_of_its_own_replaces_the_default_one(tmp_path):
    path = tmp_path / "bank.toml"
    path.write_text('[catalogue]\ndefaults = false\n[products.account]\nen = "account"\nzh = "账户"\n')
    config = read_config(path)
    assert (list(config.products), config.services) == (["account"], {})


def test_a_catalogue_without_any_product_is_refused(tmp_path):
    path = tmp_path / "bank.toml"
    path.write_text("[catalogue]\ndefaults = false\n")
    with pytest.raises(ConfigError, match="products: none counts"):
        read_config(path)


def test_names_that_differ_in_capitals_alone_are_refused(tmp_path):
    path = tmp_path / "bank.toml"
    path.write_text('[products.DEBIT_CARD]\nen = "card"\nzh = "卡"\n')
    with pytest.raises(ConfigError, match="'debit_card' stands in the catalogue twice"):
        read_config(path)


def test_a_configuration_that_is_no_regular_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is not a regular file"):
        read_config(tmp_path)
