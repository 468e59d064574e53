<?php
/**
 * The word `smi-bridge` itself at the command line.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Interfaces\Cli;

defined( 'ABSPATH' ) || exit;

/**
 * Looks after paid image enlargements: what was bought, where it stands, what to do about it.
 */
final class Cli_Namespace extends \WP_CLI\Dispatcher\CommandNamespace {
}
