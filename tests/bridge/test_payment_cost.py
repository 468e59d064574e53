"""What the payment event costs the request that it fires in does not depend on the sidecar: it sends nothing.

`make bench ONLY=payment_hook` measures it, and holds it to five milliseconds.
"""

import pytest

from tests.bridge.conftest import Bridge


# Nobody listens at port 9; nobody at all answers for that network (it is there for documents).
@pytest.mark.parametrize(
    "address", ["", "http://127.0.0.1:9", "http://192.0.2.1:8321"], ids=["up", "dead", "black hole"]
)
def test_the_payment_event_asks_nobody_wherever_the_sidecar_is(bridge: Bridge, address: str) -> None:
    jobs = [bridge.job() for _ in range(3)]
    bridge.shop.php("delete_option('smi_bridge_circuit');")
    bridge.option("smi_bridge_sidecar_url", address or bridge.sidecar.url)
    try:
        told = bridge.shop.php_json(
            f"""
            $told = []; $sent = 0;
            foreach (['smi_bridge_pre_send', 'smi_bridge_curl', 'http_api_debug'] as $hook) {{
                add_filter($hook, function ($value) use (&$sent) {{ ++$sent; return $value; }});
            }}
            add_action('smi_bridge_payment_taken', function ($id, $what) use (&$told, &$sent) {{
                $told[] = [$what, $sent];
            }}, 10, 2);
            foreach (explode(',', '{",".join(jobs)}') as $job) {{ do_action('smi_payment_completed', $job); }}
            SmiBridge\\Jobs\\Send_Later::send_waiting(); // As at the request's end.
            return [$told, $sent];
            """
        )
    finally:
        bridge.option("smi_bridge_sidecar_url", bridge.sidecar.url)
        bridge.shop.php("delete_option('smi_bridge_circuit');")
    assert told[0] == [["started", 0]] * 3
    assert told[1] > 0, "what is sent is seen"
    assert len(bridge.sidecar.received) == (0 if address else 3)


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
