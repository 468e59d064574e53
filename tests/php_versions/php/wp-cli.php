<?php
/**
 * The one class of WP-CLI that the bridge extends: no registry has WP-CLI.
 */

namespace WP_CLI\Dispatcher;

class CommandNamespace {}
