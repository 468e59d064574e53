"""What the payment event costs the request that it fires in does not depend on the sidecar.

`make bench ONLY=payment_hook` measures it, and holds it to five milliseconds.
"""

from tests.bridge.conftest import Bridge

EVENTS = 11
# Nobody listens at port 9; nobody at all answers for that network (it is there for documents).
WHERE = {"up": "", "dead port": "http://127.0.0.1:9", "black hole": "http://192.0.2.1:8321"}
# An event that waits for the sidecar waits for 50 ms at least, each time; else it takes one. The quickest of some is
# told, since a busy machine makes single ones slow.
MANY_TIMES = 8


def test_the_payment_event_costs_the_same_wherever_the_sidecar_is(bridge: Bridge) -> None:
    cost = {where: min(_milliseconds(bridge, address)) for where, address in WHERE.items()}
    bridge.sidecar.wait("job.paid", EVENTS)
    assert max(cost.values()) < MANY_TIMES * min(cost.values()), cost


def _milliseconds(bridge: Bridge, address: str) -> list[float]:
    """Of each event, with the sidecar at an address; "": where it is."""
    jobs = [bridge.job() for _ in range(EVENTS)]
    bridge.shop.php("delete_option('smi_bridge_circuit');")
    if address:
        bridge.option("smi_bridge_sidecar_url", address)
    try:
        told = bridge.shop.php_json(
            f"""
            $told = [];
            add_action('smi_bridge_payment_taken', function ($id, $what, $ms) use (&$told) {{
                $told[] = [$what, $ms];
            }}, 10, 3);
            foreach (explode(',', '{",".join(jobs)}') as $job) {{ do_action('smi_payment_completed', $job); }}
            return $told;
            """
        )
    finally:
        bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)
        bridge.shop.php("delete_option('smi_bridge_circuit');")
    assert [what for what, _ in told] == ["started"] * EVENTS
    return [ms for _, ms in told]


def test_the_measure_can_tell(bridge: Bridge) -> None:
    """A slow listener inside the event is seen: the figure is that of the action, not of an empty stretch of code."""
    job_id = bridge.job()
    ms = bridge.shop.php_json(
        f"""
        add_filter('query', function ($sql) {{ usleep(50000); return $sql; }});
        add_action('smi_bridge_payment_taken', function ($id, $what, $ms) use (&$told) {{ $told = $ms; }}, 10, 3);
        do_action('smi_payment_completed', '{job_id}');
        return $told;
        """
    )
    assert ms > 50
    bridge.sidecar.wait("job.paid")
