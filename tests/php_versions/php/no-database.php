<?php
/**
 * WordPress' `db.php` of a site without a database: every question has an empty answer. Questions about the bridge's own
 * tables are kept: a part that needs no database asks none.
 */

final class No_Database extends wpdb {

	/** Statements about our tables. @var string[] */
	public $ours = array();

	public function __construct() {
		$this->ready      = true;
		$this->is_mysql   = true;
		$this->charset    = 'utf8mb4';
		$this->show_errors = false;
	}

	public function db_connect( $allow_bail = true ) {
		return true;
	}

	public function check_connection( $allow_bail = true ) {
		return true;
	}

	public function db_version() {
		return '8.0.0';
	}

	public function db_server_info() {
		return '8.0.0';
	}

	public function _real_escape( $data ) {
		return addslashes( (string) $data );
	}

	public function query( $query ) {
		if ( false !== strpos( (string) $query, 'smi_' ) && false === strpos( (string) $query, 'wp_options' ) ) {
			$this->ours[] = $query;
		}
		$this->last_error  = '';
		$this->last_result = array();
		$this->num_rows    = 0;
		return 0;
	}
}

$GLOBALS['wpdb'] = new No_Database();
