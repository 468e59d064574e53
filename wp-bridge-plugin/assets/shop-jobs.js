/* Adds state, history and a working retry button to the rows of the shop's own page of jobs. */
( function () {
	'use strict';

	var boot = window.smiBridgeAdmin;
	var __ = window.wp.i18n.__;
	var rows = {};

	// The shop shows ids shortened, with the whole one as title.
	document.querySelectorAll( '.smi-jobs-table .smi-job-id[title], tr[data-job-id]' ).forEach( function ( node ) {
		rows[ node.dataset.jobId || node.title ] = node.closest( 'tr' );
	} );
	var ids = Object.keys( rows );
	if ( ! ids.length ) {
		return;
	}
	boot.post( 'smi_bridge_shop_states', { jobs: ids.join( ',' ) } ).then( function ( states ) {
		Object.keys( states ).forEach( function ( id ) {
			var state = states[ id ];
			var cell = rows[ id ].lastElementChild;
			var theirs = cell.querySelector( '.smi-retry-btn' );
			var box = document.createElement( 'div' );
			var history = document.createElement( 'a' );
			if ( theirs ) {
				theirs.style.display = 'none'; // Theirs always says "started", also when nothing starts.
			}
			box.className = 'smi-bridge-row';
			history.href = boot.history.replace( 'JOB', encodeURIComponent( id ) );
			history.textContent = __( 'History', 'smi-bridge' );
			box.append( state.label + ' ', history );
			if ( state.retry ) {
				var button = document.createElement( 'button' );
				var said = document.createElement( 'span' );
				button.type = 'button';
				button.className = 'button button-small';
				button.textContent = __( 'Retry', 'smi-bridge' );
				said.setAttribute( 'role', 'status' );
				button.addEventListener( 'click', function () {
					button.disabled = true;
					said.textContent = ' ' + __( 'Starting…', 'smi-bridge' );
					boot.post( 'smi_bridge_shop_retry', { job: id } ).then( function ( result ) {
						said.textContent = ' ' + result.message;
					}, function ( error ) {
						said.textContent = ' ' + error.message;
						button.disabled = false;
					} );
				} );
				box.append( ' ', button, said );
			}
			cell.append( box );
		} );
	}, function () {} ); // The page is the shop's: without our column it is as before.
}() );
