"""Adapter: the Upsampler API. Speaks its wire format and translates its answers; decides nothing about a job."""

from sidecar.adapters.upsampler.client import UpsamplerClient
from sidecar.adapters.upsampler.verdict import Verdict, classify
from sidecar.adapters.upsampler.wire import Hint, Submission, UpsamplerStatus, parse_hint

__all__ = ["Hint", "Submission", "UpsamplerClient", "UpsamplerStatus", "Verdict", "classify", "parse_hint"]
