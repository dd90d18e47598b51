"""Reading a made-up tree of sysfs, laid out as Jetson Linux 36 documents an Orin."""

import pytest

from edge.health.machine import Sysfs, machine_line

ORIN = {
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
    "sys/class/thermal/thermal_zone0/temp": "51250",
    "sys/class/thermal/thermal_zone2/type": "cv0-thermal",  # powered down: there is nothing to read
    "sys/class/thermal/thermal_zone10/type": "tj-thermal",
    "sys/class/thermal/thermal_zone10/temp": "52000",
    "sys/class/thermal/cooling_device0/type": "pwm-fan",
    "sys/class/thermal/cooling_device0/cur_state": "2",
    "sys/class/thermal/cooling_device1/type": "cpufreq-cpu0",
    "sys/class/thermal/cooling_device1/cur_state": "3",
    "sys/class/thermal/cooling_device2/type": "devfreq-17000000.gpu",
    "sys/class/thermal/cooling_device2/cur_state": "0",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": "1510400",
    "sys/devices/system/cpu/cpufreq/policy4/scaling_cur_freq": "729600",
    "sys/class/devfreq/17000000.gpu/cur_freq": "624750000",
    "sys/class/devfreq/15340000.vic/cur_freq": "435200000",
    "sys/kernel/debug/bpmp/debug/clk/emc/rate": "2133000000",
    "sys/class/hwmon/hwmon1/in1_label": "VDD_IN",
    "sys/class/hwmon/hwmon1/in1_input": "5000",
    "sys/class/hwmon/hwmon1/curr1_input": "1400",
    "sys/class/hwmon/hwmon1/in2_label": "VDD_CPU_GPU_CV",
    "sys/class/hwmon/hwmon1/in2_input": "5000",
    "sys/class/hwmon/hwmon1/curr2_input": "400",
    "sys/class/hwmon/hwmon1/in7_label": "sum of shunt voltages",
    "sys/class/hwmon/hwmon1/in7_input": "3",
    "sys/class/hwmon/hwmon1/curr7_input": "3",
    "sys/class/hwmon/hwmon3/oc1_event_cnt": "0",
    "sys/class/hwmon/hwmon3/oc3_event_cnt": "37",
    "var/lib/nvpmodel/status": "pmode:0001",
    "etc/nvpmodel.conf": "< POWER_MODEL ID=0 NAME=15W >\nCPU_ONLINE CORE_0 1\n< POWER_MODEL ID=1 NAME=7W >\n",
}


@pytest.fixture
def orin(tmp_path):
    for name, text in ORIN.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    return tmp_path


def test_everything_that_an_orin_tells(orin):
    zones = Sysfs(orin).temperatures_celsius()
    assert zones == {"cpu-thermal": 51.25, "cv0-thermal": None, "tj-thermal": 52.0}
    assert Sysfs(orin).record({"tj-thermal": 52.04}) == {
        "temperatures_celsius": {"tj-thermal": 52.0},
        "clocks_mhz": {"cpu0": 1510.4, "cpu4": 729.6, "gpu": 624.8, "emc": 2133.0},
        "cooling": {"cpufreq-cpu0": 3},
        "over_current_events": {"oc1": 0, "oc3": 37},
        "power_watts": {"VDD_IN": 7.0, "VDD_CPU_GPU_CV": 2.0},
        "nvpmodel": "7W (1)",
    }
    assert Sysfs(orin).board_watts() == 7.0
    assert machine_line(Sysfs(orin)) == "nvpmodel 7W (1), clocks cpu0 1510 cpu4 730 gpu 625 emc 2133 MHz"


def test_a_machine_that_tells_nothing(tmp_path):
    record = Sysfs(tmp_path / "nowhere").record({})
    assert record.pop("nvpmodel") is None
    assert set(map(len, record.values())) == {0}
    assert Sysfs(tmp_path).board_watts() is None
    assert machine_line(Sysfs(tmp_path)) == "nvpmodel none here, clocks none here"


@pytest.mark.parametrize("content", ["", "nan", "12x", "\ufffd", "1e400"])
def test_what_is_no_number_is_left_out(orin, content):
    (orin / "sys/class/thermal/thermal_zone0/temp").write_text(content)
    (orin / "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq").write_text(content)
    assert Sysfs(orin).temperatures_celsius()["cpu-thermal"] is None
    assert "cpu0" not in Sysfs(orin).clocks_mhz()


def test_zones_of_one_name_and_modes_without_a_name(orin):
    (orin / "sys/class/thermal/thermal_zone10/type").write_text("cpu-thermal")
    (orin / "etc/nvpmodel.conf").unlink()
    assert list(Sysfs(orin).temperatures_celsius()) == ["cpu-thermal", "cv0-thermal", "cpu-thermal-2"]
    assert Sysfs(orin).nvpmodel() == "1"
