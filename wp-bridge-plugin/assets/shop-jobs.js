/* Adds state, story and a working retry button to the rows of the shop's own page of jobs. */
( function () {
	'use strict';

	var boot = window.smiBridgeShopJobs;
	var rows = {};

	function post( action, fields ) {
		return fetch( boot.ajax, { method: 'POST', credentials: 'same-origin', body: new URLSearchParams( Object.assign( { action: action, nonce: boot.nonce }, fields ) ) } ).then( function ( answer ) {
			return answer.json();
		} );
	}

	// The shop shows ids shortened, with the whole one as title.
	document.querySelectorAll( '.smi-jobs-table .smi-job-id[title], tr[data-job-id]' ).forEach( function ( node ) {
		rows[ node.dataset.jobId || node.title ] = node.closest( 'tr' );
	} );
	var ids = Object.keys( rows );
	if ( ! ids.length ) {
		return;
	}
	post( 'smi_bridge_shop_states', { jobs: ids.join( ',' ) } ).then( function ( answer ) {
		if ( ! answer.success ) {
			return;
		}
		Object.keys( answer.data ).forEach( function ( id ) {
			var state = answer.data[ id ];
			var cell = rows[ id ].lastElementChild;
			var theirs = cell.querySelector( '.smi-retry-btn' );
			var box = document.createElement( 'div' );
			var story = document.createElement( 'a' );
			if ( theirs ) {
				theirs.style.display = 'none'; // Theirs always says "started", also when nothing starts.
			}
			box.className = 'smi-bridge-row';
			story.href = boot.story.replace( 'JOB', encodeURIComponent( id ) );
			story.textContent = boot.text.story;
			box.append( state.label + ' ', story );
			if ( state.retry ) {
				var button = document.createElement( 'button' );
				var said = document.createElement( 'span' );
				button.type = 'button';
				button.className = 'button button-small';
				button.textContent = boot.text.retry;
				said.setAttribute( 'role', 'status' );
				button.addEventListener( 'click', function () {
					button.disabled = true;
					said.textContent = ' ' + boot.text.starting;
					post( 'smi_bridge_shop_retry', { job: id } ).then( function ( result ) {
						said.textContent = ' ' + ( ( result.data && result.data.message ) || boot.text.failed );
						button.disabled = Boolean( result.success );
					} ).catch( function () {
						said.textContent = ' ' + boot.text.failed;
						button.disabled = false;
					} );
				} );
				box.append( ' ', button, said );
			}
			cell.append( box );
		} );
	} );
}() );
