"""The versions of PHP that the bridge claims: what README, readme.txt and the plugin's header say is what runs here."""

VERSIONS = ("7.4", "8.0", "8.1", "8.2", "8.3", "8.4", "8.5")
OLDEST_PHP, NEWEST_PHP = VERSIONS[0], VERSIONS[-1]
