"""Workflow: how long things may take, in seconds. What an operator may change stands in Settings instead."""

LEASE_S = 12  # a claim lives this long without a heartbeat; LeaseKeeper renews it every 4 s
REBOOK_S = 15  # work that was queued and not begun is looked at again after this long
ACK_S = 60  # a message that the shop has not acknowledged is put again after this long
HELD_S = 30  # how often a held stage is tried, by one job
POLL_FACTOR = 1.6  # each poll waits this much longer than the one before
RESULT_LIFE_S = 3 * 3600 - 300  # Upsampler's result URLs live 3 hours
FETCH_DEADLINE_S = 3600  # for one download of a result
LANE_PAUSE_CAP_S = 300
REFUND_AGAIN_S = 300  # an unanswered order to refund is repeated; the ledger refunds once
SOURCE_LINK_S = 6 * 3600  # Upsampler may fetch a source that we serve for this long
