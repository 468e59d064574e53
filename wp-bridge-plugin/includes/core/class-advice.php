<?php
/**
 * What to do about what goes wrong on the way to the first picture: the catalogue that the sidecar reads as well (schemas/advice.json).
 *
 * @package SmiBridge
 */

namespace SmiBridge\Core;

defined( 'ABSPATH' ) || exit;

/**
 * A sentence and a command for each code. Sentences are translated; commands are typed as they stand, and never run from here.
 */
final class Advice {

	/** The catalogue, once read. @var array[]|null */
	private static $catalogue;

	/** All entries: code => {sentence, command}. */
	public static function catalogue(): array {
		self::$catalogue = self::$catalogue ?? (array) ( Schemas::get( 'advice' )['advice'] ?? array() );
		return self::$catalogue;
	}

	/**
	 * An entry with its {names} filled in; null for a code that is not in the catalogue.
	 *
	 * @param string $code  Of the catalogue.
	 * @param array  $facts Name => value.
	 * @return array{code: string, sentence: string, command: string}|null
	 */
	public static function of( string $code, array $facts = array() ): ?array {
		$entry = self::catalogue()[ $code ] ?? null;
		if ( ! $entry ) {
			return null;
		}
		$values = array();
		foreach ( $facts as $name => $value ) {
			$values[ '{' . $name . '}' ] = (string) $value;
		}
		return array(
			'code'     => $code,
			'sentence' => strtr( Schemas::translated( $entry['sentence'] ), $values ),
			'command'  => strtr( $entry['command'], $values ),
		);
	}
}
