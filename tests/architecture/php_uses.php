<?php
/**
 * What each PHP file declares and which classes of ours it uses, by its syntax tree: php_uses.php <files>, JSON to standard output.
 *
 * Comments and strings are no code, so that they do not count. Debian's package php-parser parses.
 */

require 'PhpParser/autoload.php';

$visitor = new class() extends PhpParser\NodeVisitorAbstract {
	public $namespace = '';
	public $declares  = array();
	public $uses      = array();

	public function enterNode( PhpParser\Node $node ) {
		if ( $node instanceof PhpParser\Node\Stmt\Namespace_ ) {
			$this->namespace = (string) $node->name;
		}
		if ( $node instanceof PhpParser\Node\Stmt\ClassLike && $node->name ) {
			$this->declares[] = (string) $node->namespacedName;
		}
		if ( $node instanceof PhpParser\Node\Name\FullyQualified && 0 === strpos( (string) $node, 'SmiBridge\\' ) ) {
			$this->uses[ (string) $node ] = true;
		}
		return null;
	}
};

$found = array();
foreach ( array_slice( $argv, 1 ) as $file ) {
	$visitor->namespace = '';
	$visitor->declares  = array();
	$visitor->uses      = array();
	$traverser          = new PhpParser\NodeTraverser();
	$traverser->addVisitor( new PhpParser\NodeVisitor\NameResolver() );
	$traverser->addVisitor( $visitor );
	$traverser->traverse( ( new PhpParser\ParserFactory() )->create( PhpParser\ParserFactory::PREFER_PHP7 )->parse( file_get_contents( $file ) ) );
	$found[ $file ] = array(
		'namespace' => $visitor->namespace,
		'declares'  => $visitor->declares,
		'uses'      => array_keys( $visitor->uses ),
	);
}
echo json_encode( $found, JSON_THROW_ON_ERROR );
