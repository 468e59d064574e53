"""Sandbox: an Upsampler stand-in with the live wire format, real enlargement, a bill, and faults on request.

Stands outside the four floors: it plays the other side of the wire, so it shares no code with the sidecar, and nothing
of the sidecar imports it but the command that starts it. Runs only when started by name. See docs/sandbox.md.
"""
