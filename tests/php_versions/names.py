"""The bridge's classes that these tests call, by the names that the tests use: when one moves, change it here."""

NAMES = {
    "Mail": r"SmiBridge\Mail\Mail",
    "Staging_Lock": r"SmiBridge\Core\Staging_Lock",
    "Mail_Message": r"SmiBridge\Mail\Mail_Message",
    "Messages_Endpoint": r"SmiBridge\Messages\Messages_Endpoint",
    "Reasons": r"SmiBridge\Core\Reasons",
    "Schemas": r"SmiBridge\Core\Schemas",
    "Settings": r"SmiBridge\Core\Settings",
    "Signature": r"SmiBridge\Core\Signature",
    "States": r"SmiBridge\Core\States",
}
