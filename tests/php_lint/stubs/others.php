<?php
/**
 * What the bridge uses of others, and only after it has looked whether they are there: names for the language server.
 */

namespace {

	const SMI_VERSION = '1.7.0'; // Sell My Images.

	/** WordPress 6.9. */
	function wp_register_ability_category( string $slug, array $args ): ?object {
		return null;
	}

	/** WordPress 6.9. */
	function wp_register_ability( string $name, array $args ): ?object {
		return null;
	}

	class WP_CLI {

		/** @param callable|string $callable */
		public static function add_command( string $name, $callable, array $args = array() ): bool {
			return true;
		}

		public static function confirm( string $question, array $assoc_args = array() ): void {}

		/** @param string|string[] $message */
		public static function error( $message, bool $exit = true ): void {}

		public static function line( string $message = '' ): void {}

		public static function log( string $message ): void {}

		/** @param mixed $value */
		public static function print_value( $value, array $assoc_args = array() ): void {}

		public static function success( string $message ): void {}
	}
}

namespace WP_CLI\Dispatcher {

	class CommandNamespace {}
}

namespace WP_CLI\Utils {

	/** @param string[]|string $fields */
	function format_items( string $format, iterable $items, $fields ): void {}

	function make_progress_bar( string $message, int $count ): object {
		return new class() {

			public function tick(): void {}

			public function finish(): void {}
		};
	}
}
