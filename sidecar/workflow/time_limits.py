"""Workflow: how long things may take, in seconds. What an operator may change stands in Settings instead; what a
connection, a process or a thread may take stands beside the code that waits."""

LEASE_S = 12  # a claim lives this long without a heartbeat; LeaseKeeper renews it every 4 s
LATE_TOLD_S = 86400  # while work waits that long without an end, the admin is told again
FRESH_S = 60  # so long the shop's word that it has a file is as good as another look
REBOOK_S = 15  # work that was queued and not begun is looked at again after this long
GOES_ALONG_S = 5  # news of a step waits that long for a request to the shop that is made anyway
ACK_S = 60  # a message that the shop has not acknowledged is put again after this long
OUTAGE_SPREAD_S = 10  # over so long the jobs are spread that an outage has held up
JOB_LIMIT_S = 3600  # a job that is in one state for longer is past due: what fails is tried for half an hour
READY_LIMIT_S = 300  # work that may go waits no longer than this, or we are not ready
VISIT_BUSY_S = 2.0  # between two visits to the shop's mailbox while something goes on, or may soon
VISIT_IDLE_S = 15.0  # and else
VISIT_STATUS_S = 14.0  # so often a visit tells how we are
HELD_S = 30  # a job that a held stage has stopped is looked at again after this long, more or less
POLL_FACTOR = 1.6  # each poll waits this much longer than the one before
RESULT_LIFE_S = 3 * 3600 - 300  # Upsampler's result URLs live 3 hours
FETCH_DEADLINE_S = 3600  # for a result whose length its server does not tell
CROWDED_S = 10  # a job for whose download there is no place comes again after this long
LATER_S = 60  # and one for whose file there is no room at the shop, more or less
LANE_PAUSE_CAP_S = 300  # the longest pause of a lane while the shop is away
REFUND_AGAIN_S = 300  # an unanswered order to refund is repeated; the ledger refunds once
SOURCE_LINK_S = 6 * 3600  # Upsampler may fetch a source that we serve for this long
FIRST_PROBES_S = 30  # how often a held stage is tried at first, and at the most
LAST_PROBES_S = 900  # how often a stage that has been held for long is tried
STREAK_S = 900  # lost answers further apart than this are no streak
BACKOFF_BASE_S = 2.0  # the first wait after a failure, at the most; each further one is twice as long
BACKOFF_CAP_S = 300.0  # the longest wait after a failure
DELAYED_AFTER_S = 120  # a failure that passes by itself is shown to the customer from then on
SILENT_AFTER_S = 1800  # and so is a stage that nothing has moved on
ANSWER_KEPT_S = 86400  # so long a repeated message from the bridge gets the same answer
TEMP_LIFE_S = 86400  # no download and no conversion takes a day
COPY_GOOD_S = TEMP_LIFE_S - SOURCE_LINK_S  # an older copy of a source may go before its link ends
REFUSED_LIFE_S = 90 * 86400  # thumbnails of refused results
CDN_PROBE_S = 15  # how often the CDN is looked at
CDN_ALIVE_S = 50  # it has delivered within this time, or the files do not go by it
CDN_TOLD_EVERY_S = 600  # so often the log tells that the CDN is away
