<?php
/**
 * The database refused a statement.
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * Thrown by Sql, with the database's words as its message. Temporary, as seen by the sidecar: the message is sent again. Never shown to a
 * visitor.
 */
final class Database_Error extends \RuntimeException {}
