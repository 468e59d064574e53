/* The first-run page: asks how things stand, ticks off, sends the test picture. Plain browser script, no build step. */
( function () {
	'use strict';

	var boot = window.smiBridgeAdmin;
	var __ = window.wp.i18n.__;
	var button = document.getElementById( 'smib-send-test' );
	if ( ! button ) {
		return;
	}
	var said = button.parentNode.querySelector( '.smib-said' );
	var history = document.getElementById( 'smib-history' );
	var free = false;
	var timer = 0;

	function show( step ) {
		var item = document.querySelector( '[data-smib-step="' + step.name + '"]' );
		var advice = item.querySelector( '.smib-advice' );
		item.classList.toggle( 'done', step.done );
		item.querySelector( '.smib-tick' ).textContent = step.done ? __( 'done', 'smi-bridge' ) : '';
		advice.hidden = ! step.advice;
		advice.querySelector( 'p' ).textContent = step.advice ? step.advice.sentence : '';
		advice.querySelector( 'pre' ).textContent = step.advice ? step.advice.command : '';
	}

	function say( words, isBad ) {
		said.textContent = words;
		said.classList.toggle( 'bad', isBad );
	}

	/* One at a time, also when the button asks in between. */
	function again( pause ) {
		clearTimeout( timer );
		timer = setTimeout( refresh, pause );
	}

	function refresh() {
		return boot.post( 'smi_bridge_first_run' ).then( function ( data ) {
			data.steps.forEach( show ); // All of them: a later one may be true, or have its own advice, before an earlier one is.
			var done = data.steps.every( function ( step ) {
				return step.done;
			} );
			document.getElementById( 'smib-all-done' ).hidden = ! done;
			free = data.free;
			button.disabled = ! data.steps[ 1 ].done || !! ( data.test && data.test.running );
			if ( data.test ) {
				say( data.test.said, ! data.test.running && ! data.steps[ data.steps.length - 1 ].done );
				history.textContent = data.test.history;
				history.hidden = ! data.test.history;
			}
			if ( ! done ) {
				again( data.test && data.test.running ? 1000 : 5000 );
			}
		}, function ( error ) {
			say( error.message, true );
			again( 10000 );
		} );
	}

	button.addEventListener( 'click', function () {
		if ( ! free && ! window.confirm( __( 'This runs a real job at Upsampler, and costs a credit. Send it?', 'smi-bridge' ) ) ) {
			return;
		}
		button.disabled = true;
		boot.post( 'smi_bridge_send_test' ).then( refresh, function ( error ) {
			say( error.message, true );
			button.disabled = false;
		} );
	} );

	refresh();
}() );
