/**
 * One version of PHP, as WebAssembly: interpreter.mjs <node_modules> <version> <job.json>; prints its findings as JSON.
 *
 * 1. compiles each file of the plugin, one request each, as `php -l` does;
 * 2. runs php/parts.php, when the job asks for it, in one request: real WordPress, no database.
 */

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [ , , modules, version, jobFile ] = process.argv;
const require = createRequire( path.join( modules, 'x.js' ) );
const load = ( name ) => import( pathToFileURL( require.resolve( name ) ) );
const { PHP } = await load( '@php-wasm/universal' );
const { loadNodeRuntime, createNodeFsMountHandler } = await load( '@php-wasm/node' );
const job = JSON.parse( fs.readFileSync( jobFile, 'utf8' ) );

const php = new PHP( await loadNodeRuntime( version, { emscriptenOptions: { processId: process.pid } } ) );
for ( const [ inside, outside ] of Object.entries( job.folders ) ) {
	php.mkdir( inside );
	await php.mount( inside, createNodeFsMountHandler( outside ) );
}
php.writeFile( '/job.json', JSON.stringify( job ) );

/** Runs a script; what it printed, and whether PHP ended it with an error. */
async function run( code ) {
	const answer = await php.run( { code } ).catch( ( error ) => error.response ?? Promise.reject( error ) );
	return { printed: answer.text, errors: answer.errors, exit: answer.exitCode };
}

const compiled = {};
for ( const file of job.compile ) {
	// Without ABSPATH a file of the plugin is compiled whole, and ends at its first statement.
	compiled[ file ] = await run( `<?php error_reporting( E_ALL ); ini_set( 'display_errors', '1' ); include '${ file }'; echo 'ran to its end';` );
}
const parts = job.parts ? await run( "<?php require '/scripts/parts.php';" ) : null;
process.stdout.write( JSON.stringify( { compiled, parts } ), () => process.exit( 0 ) );
