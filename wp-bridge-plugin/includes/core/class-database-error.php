<?php
/**
 * The database refused a statement.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Temporary, as seen by the sidecar: the message is sent again.
 */
final class Database_Error extends \RuntimeException {}
