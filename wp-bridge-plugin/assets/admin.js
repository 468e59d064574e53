/* The bridge's pages in wp-admin: secrets on request, the connection test. Plain browser script, no build step. */
( function () {
	'use strict';

	var boot = window.smiBridgeAdmin;
	var __ = window.wp.i18n.__;
	var failed = __( 'The request to WordPress failed. Reload the page and try again.', 'smi-bridge' );
	var levels = { ok: __( 'OK', 'smi-bridge' ), warn: __( 'Please look', 'smi-bridge' ), bad: __( 'Problem', 'smi-bridge' ) };

	function post( action, fields ) {
		var body = new URLSearchParams( Object.assign( { action: action, nonce: boot.nonce }, fields ) );
		return fetch( boot.ajax, { method: 'POST', body: body, credentials: 'same-origin' } ).then( function ( answer ) {
			return answer.json();
		} ).then( function ( answer ) {
			if ( ! answer || ! answer.success ) {
				throw new Error( ( answer && answer.data && answer.data.message ) || failed );
			}
			return answer.data;
		}, function () {
			throw new Error( failed );
		} );
	}

	boot.post = post;

	function el( tag, className, words ) {
		var node = document.createElement( tag );
		if ( className ) {
			node.className = className;
		}
		if ( words ) {
			node.textContent = words;
		}
		return node;
	}

	/* ---- secrets: in the page only while they are shown ---- */

	var fetched = null;
	function secrets() {
		fetched = fetched || post( 'smi_bridge_env' );
		fetched.catch( function () {
			fetched = null;
		} );
		return fetched;
	}

	function target( kind ) {
		return document.getElementById( kind === 'secret' ? 'smib-secret-value' : 'smib-' + kind );
	}

	function say( button, words ) {
		var said = button.parentNode.querySelector( '.smib-said' );
		said.textContent = words;
		setTimeout( function () {
			if ( said.textContent === words ) {
				said.textContent = '';
			}
		}, 4000 );
	}

	function show( button, kind, on ) {
		var place = target( kind );
		var done = on ? secrets().then( function ( data ) {
			place.textContent = data[ kind ];
		} ) : Promise.resolve( place.textContent = place.dataset.masked );
		return done.then( function () {
			button.setAttribute( 'aria-pressed', String( on ) );
			button.textContent = on ? __( 'Hide', 'smi-bridge' ) : __( 'Show', 'smi-bridge' );
		} );
	}

	document.querySelectorAll( '[data-smib-show]' ).forEach( function ( button ) {
		button.addEventListener( 'click', function () {
			show( button, button.dataset.smibShow, button.getAttribute( 'aria-pressed' ) !== 'true' ).catch( function ( error ) {
				say( button, error.message );
			} );
		} );
	} );

	document.querySelectorAll( '[data-smib-copy]' ).forEach( function ( button ) {
		button.addEventListener( 'click', function () {
			var kind = button.dataset.smibCopy;
			secrets().then( function ( data ) {
				// Without TLS browsers lend nobody their clipboard: then the text is shown and selected.
				var copied = navigator.clipboard ? navigator.clipboard.writeText( data[ kind ] ) : Promise.reject( new Error( 'no clipboard' ) );
				return copied.then( function () {
					say( button, __( 'Copied', 'smi-bridge' ) );
				}, function () {
					return show( document.querySelector( '[data-smib-show="' + kind + '"]' ), kind, true ).then( function () {
						window.getSelection().selectAllChildren( target( kind ) );
						say( button, document.execCommand( 'copy' ) ? __( 'Copied', 'smi-bridge' ) : __( 'Press Ctrl+C to copy', 'smi-bridge' ) );
					} );
				} );
			} ).catch( function ( error ) {
				say( button, error.message );
			} );
		} );
	} );

	document.querySelectorAll( '[data-smib-confirm]' ).forEach( function ( button ) {
		button.addEventListener( 'click', function ( event ) {
			if ( ! window.confirm( button.dataset.smibConfirm ) ) {
				event.preventDefault();
			}
		} );
	} );

	document.querySelectorAll( '#doaction, #doaction2' ).forEach( function ( button ) {
		button.addEventListener( 'click', function ( event ) {
			var action = document.getElementById( button.id === 'doaction' ? 'bulk-action-selector-top' : 'bulk-action-selector-bottom' ).value;
			var chosen = document.querySelectorAll( 'input[name="jobs[]"]:checked' ).length;
			var question = boot.questions && boot.questions[ action ];
			if ( question && chosen && ! window.confirm( question + ' (' + chosen + ')' ) ) {
				event.preventDefault();
			}
		} );
	} );

	document.querySelectorAll( '[data-smib-mail]' ).forEach( function ( button ) {
		button.addEventListener( 'click', function () {
			button.disabled = true;
			post( 'smi_bridge_mail_test', { kind: button.dataset.smibMail } ).then( function ( data ) {
				say( button, data.message );
			} ).catch( function ( error ) {
				say( button, error.message );
			} ).then( function () {
				button.disabled = false;
			} );
		} );
	} );

	/* ---- the connection test ---- */

	var test = document.getElementById( 'smib-test' );
	if ( test ) {
		var report = document.getElementById( 'smib-report' );
		test.addEventListener( 'click', function () {
			test.disabled = true;
			report.replaceChildren( el( 'p', '', __( 'Testing…', 'smi-bridge' ) ) );
			post( 'smi_bridge_test_connection' ).then( function ( data ) {
				var list = el( 'ul', 'smib-findings' );
				data.findings.forEach( function ( finding ) {
					var item = el( 'li', finding.level );
					var sign = el( 'span', 'dashicons dashicons-' + { ok: 'yes-alt', warn: 'warning', bad: 'dismiss' }[ finding.level ] );
					sign.setAttribute( 'role', 'img' );
					sign.setAttribute( 'aria-label', levels[ finding.level ] );
					item.append( sign, el( 'strong', '', finding.title ) );
					[ [ 'text', '' ], [ 'fix', 'fix' ], [ 'detail', 'detail' ] ].forEach( function ( part ) {
						if ( finding[ part[ 0 ] ] ) {
							item.append( el( 'p', part[ 1 ], ( part[ 1 ] === 'fix' ? '→ ' : '' ) + finding[ part[ 0 ] ] ) );
						}
					} );
					list.append( item );
				} );
				report.replaceChildren( el( 'p', 'smib-verdict', data.ok ? __( 'Everything works in both directions.', 'smi-bridge' ) : __( 'Not everything works yet.', 'smi-bridge' ) ), list );
			} ).catch( function ( error ) {
				report.replaceChildren( el( 'p', 'smib-verdict', error.message ) );
			} ).then( function () {
				test.disabled = false;
			} );
		} );
	}
}() );
