"""The bridge's classes that these tests call, by the names that the tests use: when one moves, change it here."""

NAMES = {
    "Mail_Message": r"SmiBridge\Mail_Message",
    "Messages_Endpoint": r"SmiBridge\Door",
    "Schemas": r"SmiBridge\Schemas",
    "Settings": r"SmiBridge\Settings",
    "Signature": r"SmiBridge\Signature",
    "States": r"SmiBridge\States",
}
