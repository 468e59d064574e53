"""A result that shows something else goes to a person, who sees both pictures side by side."""

from __future__ import annotations

import base64
import io
import re

from PIL import Image

from tests.recovery.cases import fault
from tests.recovery.rig import Rig


def test_the_admin_sees_what_was_bought_beside_what_came_back(rig: Rig) -> None:
    rig.faults(fault("result_other"))
    job_id = rig.buy("harbour")
    assert rig.settled(job_id, timeout=90)["state"] == "review"
    shop = rig.shop
    page = shop.admin.get(f"{shop.url}/wp-admin/admin.php?page=smi-bridge-jobs&job={job_id}", timeout=30).text
    comparison = re.search(r'<div class="smib-compare">.*?</div>', page, re.DOTALL)
    assert comparison, "the page compares nothing"
    assert len(re.findall(r"<img", comparison[0])) == 2
    encoded = re.search(r'src="data:image/jpeg;base64,([^"]+)"', comparison[0])
    assert encoded
    assert max(Image.open(io.BytesIO(base64.b64decode(encoded[1]))).size) == 256
    direct = f"{shop.url}/wp-content/uploads/smi-downloads/.refused/{job_id}.1.jpg"
    assert shop.http.get(direct, timeout=30).status_code == 403
