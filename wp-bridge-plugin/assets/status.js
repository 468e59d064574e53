/*
 * The customer's view of a picture in the making: a dialog on return from payment, a pill that brings it back, an inline view.
 * Plain browser script, no build step. It shows what the status document says (docs/contract.md, section 5) and decides nothing.
 * Everything is drawn into shadow roots, so no theme can break it; `--smib-accent` and `::part()` are for those who want to.
 */
( function () {
	'use strict';

	var boot = window.smiBridge;
	if ( ! boot || boot.started || ! window.fetch || ! window.HTMLDialogElement || ! Element.prototype.attachShadow ) {
		return;
	}
	boot.started = true;

	var KEY = 'smi-bridge';
	var DAY = 86400000;
	var STEPS = [ 'paid', 'queued', 'enlarging', 'checking', 'ready' ];
	var STEP_OF_PHASE = { confirming: 0, queued: 1, enlarging: 2, checking: 3, delivering: 4, ready: 5, expired: 5 };
	var STEP_OF_STAGE = { submit: 1, watch: 2, collect: 3, deliver: 4 };
	var SHARE_OF_STEP = [ 0.01, 0.02, 0.1, 0.8, 0.93, 1 ]; // Where a step begins, when nobody has measured more.
	var RESTING = { ready: 1, refunded: 1, expired: 1, unknown: 1 }; // Nothing more comes by itself.
	var TROUBLE = { delayed: 1, in_review: 1, refunding: 1, refunded: 1, expired: 1, unknown: 1 };
	var JOB_ID = /^[A-Za-z0-9_-]{1,64}$/;
	var text = {};
	var lang = document.documentElement.lang || 'en';
	try {
		Intl.getCanonicalLocales( lang );
	} catch ( e ) {
		lang = 'en';
	}

	/* ---- what this browser remembers: {jobs: {id: {since, open, phase, title, away, token}}} ---- */

	function remembered() {
		var all = {};
		try {
			all = JSON.parse( window.localStorage.getItem( KEY ) || '{}' ).jobs || {};
		} catch ( e ) {
			all = {}; // No storage, or somebody else's text in it: the page works, it only forgets.
		}
		var now = Date.now();
		return Object.keys( all ).reduce( function ( kept, id ) {
			if ( JOB_ID.test( id ) && all[ id ] && now - all[ id ].since < 8 * DAY ) {
				kept[ id ] = all[ id ];
			}
			return kept;
		}, {} );
	}

	function remember( id, changes ) {
		var jobs = remembered();
		if ( changes === null ) {
			delete jobs[ id ];
		} else {
			jobs[ id ] = Object.assign( { since: Date.now() }, jobs[ id ], changes );
		}
		try {
			if ( Object.keys( jobs ).length ) {
				window.localStorage.setItem( KEY, JSON.stringify( { jobs: jobs } ) );
			} else {
				window.localStorage.removeItem( KEY );
			}
			return true;
		} catch ( e ) {
			return false;
		}
	}

	/* The secret that leads to the file. Without it the document says how far the picture is, and no more. */
	function tokenOf( id ) {
		return ( boot.tokens && boot.tokens[ id ] ) || ( remembered()[ id ] || {} ).token || '';
	}

	/* ---- words ---- */

	function say( key ) {
		var words = text[ key ] || '';
		for ( var i = 1; i < arguments.length; i++ ) {
			words = words.replace( '%' + i + '$s', arguments[ i ] ).replace( '%s', arguments[ i ] );
		}
		return words;
	}

	function number( value, digits ) {
		return new Intl.NumberFormat( lang, { maximumFractionDigits: digits || 0 } ).format( value );
	}

	function size( bytes ) {
		var unit = 0;
		while ( bytes >= 999.5 && unit < 3 ) {
			bytes /= 1000;
			unit++;
		}
		return say( [ 'bytes', 'kB', 'MB', 'GB' ][ unit ], number( bytes, unit > 1 && bytes < 100 ? 1 : 0 ) );
	}

	function moment( iso, short ) {
		var date = new Date( iso );
		return isNaN( date ) ? '' : new Intl.DateTimeFormat( lang, short
			? { hour: 'numeric', minute: '2-digit' }
			: { year: 'numeric', month: 'long', day: 'numeric', hour: 'numeric', minute: '2-digit', timeZoneName: 'short' } ).format( date );
	}

	function left( seconds ) {
		if ( seconds === null ) {
			return '';
		}
		return seconds < 50 ? say( 'left_less' ) : seconds < 95 ? say( 'left_one' ) : say( 'left_many', number( Math.round( seconds / 60 ) ) );
	}

	/* ---- elements ---- */

	function el( tag, attributes, children ) {
		var node = document.createElement( tag );
		Object.keys( attributes || {} ).forEach( function ( name ) {
			if ( attributes[ name ] !== null && attributes[ name ] !== undefined ) {
				node.setAttribute( name, attributes[ name ] );
			}
		} );
		( children || [] ).forEach( function ( child ) {
			node.append( child );
		} );
		return node;
	}

	function icon( path ) {
		var svg = document.createElementNS( 'http://www.w3.org/2000/svg', 'svg' );
		var line = document.createElementNS( 'http://www.w3.org/2000/svg', 'path' );
		svg.setAttribute( 'viewBox', '0 0 24 24' );
		svg.setAttribute( 'aria-hidden', 'true' );
		line.setAttribute( 'd', path );
		svg.append( line );
		return svg;
	}

	var ICON = {
		check: 'M5 12.5l4.5 4.5L19 7.5',
		close: 'M6 6l12 12M18 6L6 18',
		download: 'M12 4v11m-5-4.5l5 5 5-5M5 20h14',
		wait: 'M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
		alert: 'M12 8v5m0 3.2v.1M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
	};

	function shadow( host ) {
		var root = host.shadowRoot || host.attachShadow( { mode: 'open' } );
		var box = el( 'div', { class: 'smib', dir: getComputedStyle( host ).direction } );
		box.style.setProperty( '--accent', 'var(--smib-accent, ' + boot.accent + ')' );
		box.style.setProperty( '--on-accent', 'var(--smib-on-accent, ' + boot.onAccent + ')' );
		box.hidden = true;
		var style = el( 'link', { rel: 'stylesheet', href: boot.css } );
		style.addEventListener( 'load', function () {
			box.hidden = false;
			box.dispatchEvent( new Event( 'styled' ) );
		} );
		root.replaceChildren( style, box );
		return box;
	}

	/* Nothing can be focused or shown before its style is there. */
	function whenStyled( box, run ) {
		if ( box.hidden ) {
			box.addEventListener( 'styled', run, { once: true } );
		} else {
			run();
		}
	}

	/* A dialog follows the device; an inline view follows the page that it stands on. */
	function dress( box, host ) {
		var dark = window.matchMedia( '(prefers-color-scheme: dark)' );
		function set() {
			var scheme = dark.matches ? 'dark' : 'light';
			for ( var node = host; node; node = node.parentElement ) {
				var colour = getComputedStyle( node ).backgroundColor.match( /[\d.]+/g ) || [];
				if ( colour.length >= 3 && ( colour.length === 3 || Number( colour[ 3 ] ) > 0.5 ) ) {
					scheme = 0.2126 * colour[ 0 ] + 0.7152 * colour[ 1 ] + 0.0722 * colour[ 2 ] < 110 ? 'dark' : 'light';
					break;
				}
			}
			box.dataset.scheme = scheme;
		}
		dark.addEventListener( 'change', set );
		set();
	}

	/* ---- the poll: one for each job on the page, asks the sidecar first and WordPress when that fails ---- */

	function Poll( id ) {
		var self = this;
		var urls = boot.status.slice();
		var tags = {};
		var timer = 0;
		var due = 0;
		var running = false;
		var errors = 0;
		var misses = 0;
		var skipFirstUntil = 0;
		this.doc = boot.docs && boot.docs[ id ] ? boot.docs[ id ] : null;
		this.taken = Date.now();
		this.offline = false;
		this.slow = false;
		var listeners = [];

		/* Calls the listener now and after each answer; gives the way to stop it. */
		this.listen = function ( listener ) {
			listeners.push( listener );
			listener( self );
			return function () {
				listeners = listeners.filter( function ( other ) {
					return other !== listener;
				} );
			};
		};

		function notify() {
			listeners.forEach( function ( listener ) {
				listener( self );
			} );
		}

		function ask( url ) {
			var headers = { Accept: 'application/json' };
			if ( tokenOf( id ) ) {
				headers[ 'Smi-Status-Token' ] = tokenOf( id );
			}
			// Another origin would have to be asked for leave first, which costs more than the answer.
			if ( tags[ url ] && new URL( url, location.href ).origin === location.origin ) {
				headers[ 'If-None-Match' ] = tags[ url ].tag;
			}
			var stop = new AbortController();
			var limit = setTimeout( function () {
				stop.abort();
			}, 20000 );
			return fetch( url, { headers: headers, cache: 'no-store', credentials: 'omit', signal: stop.signal } ).then( function ( answer ) {
				if ( answer.status === 304 && tags[ url ] ) {
					return tags[ url ].doc;
				}
				return answer.json().then( function ( doc ) {
					if ( answer.ok && doc && typeof doc.phase === 'string' ) {
						if ( answer.headers.get( 'ETag' ) ) {
							tags[ url ] = { tag: answer.headers.get( 'ETag' ), doc: doc };
						}
						return doc;
					}
					if ( answer.status === 404 && doc && ( doc.error === 'unknown_job' || doc.code === 'unknown_job' ) ) {
						return { phase: 'unknown' };
					}
					throw new Error( 'no status document' );
				} );
			} ).finally( function () {
				clearTimeout( limit );
			} );
		}

		function askAll( at ) {
			var url = urls[ at ] + encodeURIComponent( id );
			return ask( url ).then( function ( doc ) {
				// The sidecar may have lost its memory; the ledger has not.
				return doc.phase === 'unknown' && at + 1 < urls.length ? askAll( at + 1 ) : doc;
			}, function ( error ) {
				if ( at + 1 >= urls.length ) {
					throw error;
				}
				skipFirstUntil = Date.now() + 300000;
				return askAll( at + 1 );
			} );
		}

		function go() {
			if ( running ) {
				return;
			}
			running = true;
			askAll( urls.length > 1 && Date.now() < skipFirstUntil ? 1 : 0 ).then( function ( doc ) {
				running = false;
				errors = 0;
				self.offline = false;
				if ( doc.phase === 'unknown' && self.doc && self.doc.phase !== 'confirming' && self.doc.phase !== 'unknown' && misses++ < 5 ) {
					doc = self.doc;
				} else if ( doc.phase === 'unknown' ) {
					// The payment's own message may still be on its way to the shop.
					var since = ( remembered()[ id ] || {} ).since;
					doc = { phase: since && Date.now() - since < 600000 ? 'confirming' : 'unknown', poll_after: 4 };
				}
				self.doc = doc;
				self.taken = Date.now();
				plan( Math.max( 1, Number( doc.poll_after ) || 5 ) );
				notify();
			}, function () {
				running = false;
				errors++;
				self.offline = errors > 1;
				plan( Math.min( 60, 3 * Math.pow( 2, errors ) ) );
				notify();
			} );
		}

		function plan( seconds ) {
			if ( self.slow ) {
				seconds = Math.max( 15, seconds * 3 );
			}
			due = Date.now() + 1000 * seconds * ( 1 + Math.random() / 5 );
			arm();
		}

		function arm() {
			clearTimeout( timer );
			if ( document.visibilityState === 'hidden' || ( self.doc && RESTING[ self.doc.phase ] && ! errors ) ) {
				return;
			}
			timer = setTimeout( go, Math.max( 0, due - Date.now() ) );
		}

		this.now = function () {
			due = 0;
			arm();
		};
		this.pace = function ( slow ) {
			self.slow = slow;
			if ( ! slow ) {
				due = Math.min( due, Date.now() + 2000 );
				arm();
			}
		};
		document.addEventListener( 'visibilitychange', function () {
			// A link may have died while nobody looked.
			if ( document.visibilityState === 'visible' && self.doc && RESTING[ self.doc.phase ] && Date.now() - self.taken > 300000 ) {
				go();
			}
			arm();
		} );
		window.addEventListener( 'online', function () {
			self.now();
		} );
		if ( this.doc ) {
			plan( Math.max( 1, Number( this.doc.poll_after ) || 5 ) );
		} else {
			arm();
		}
	}

	var polls = {};
	function pollOf( id ) {
		return polls[ id ] || ( polls[ id ] = new Poll( id ) );
	}

	/* Share done right now: the sidecar's figure, moved on at the pace that it expects, never past the next answer. */
	function shareNow( poll, step ) {
		var doc = poll.doc || {};
		var share = Math.max( Number( doc.share ) || 0, doc.phase === 'delayed' ? 0 : SHARE_OF_STEP[ step ] );
		if ( doc.phase === 'enlarging' && doc.expected_s > 0 && ! poll.offline ) {
			var gone = ( Date.now() - poll.taken ) / 1000;
			share += ( Math.max( share, SHARE_OF_STEP[ 3 ] ) - share ) * Math.min( 0.95, gone / doc.expected_s );
		}
		return Math.max( 0, Math.min( doc.phase === 'ready' ? 1 : 0.99, share ) );
	}

	function stepOf( doc ) {
		if ( doc.phase in STEP_OF_PHASE ) {
			return STEP_OF_PHASE[ doc.phase ];
		}
		return STEP_OF_STAGE[ doc.stage ] || 1;
	}

	function expired( doc ) {
		return doc.phase === 'ready' && doc.expires_at && Date.parse( doc.expires_at ) < Date.now();
	}

	/* ---- the view: the same in the dialog and inline ---- */

	function View( box, id, level ) {
		var poll = pollOf( id );
		var about = ( boot.about && boot.about[ id ] ) || {};
		var shown = '';
		var highest = 0;
		var badge = el( 'span', { class: 'badge' } );
		var heading = el( level, { class: 'title', id: 'smib-title-' + id, tabindex: '-1', part: 'title' } );
		var lead = el( 'p', { class: 'lead' } );
		var bar = el( 'div', { class: 'fill' } );
		var meter = el( 'div', { class: 'meter', role: 'progressbar', 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-label': say( 'progress' ), part: 'progress' }, [ bar ] );
		var percent = el( 'span', { class: 'percent' } );
		var remaining = el( 'span', { class: 'remaining' } );
		var progress = el( 'div', { class: 'progress' }, [ meter, el( 'div', { class: 'figures' }, [ remaining, percent ] ) ] );
		var steps = el( 'ol', { class: 'steps', 'aria-label': say( 'steps' ) } );
		var facts = el( 'dl', { class: 'facts' } );
		var link = el( 'a', { class: 'button', part: 'button', download: '' }, [ icon( ICON.download ), el( 'span', {}, [ say( 'download' ) ] ) ] );
		var actions = el( 'div', { class: 'actions' }, [ link ] );
		var note = el( 'p', { class: 'note' } );
		var trouble = el( 'p', { class: 'offline' }, [ say( 'offline' ) ] );
		var live = el( 'p', { class: 'said', 'aria-live': 'polite', role: 'status' } );
		var help = el( 'p', { class: 'help' } );
		var picture = about.thumb ? el( 'img', { class: 'thumb', src: about.thumb, alt: '', part: 'picture' } ) : null;
		var head = el( 'div', { class: 'head' }, ( picture ? [ picture ] : [] ).concat( [ el( 'div', { class: 'words' }, [ badge, heading, lead ] ) ] ) );
		STEPS.forEach( function ( step ) {
			steps.append( el( 'li', {}, [ el( 'span', { class: 'dot' }, [ icon( ICON.check ) ] ), el( 'span', { class: 'name' }, [ say( 'step_' + step ) ] ), el( 'span', { class: 'said' } ) ] ) );
		} );
		link.addEventListener( 'click', function () {
			remember( id, { away: true } );
		} );
		if ( boot.support ) {
			var reference = id.split( '-' )[ 0 ].slice( 0, 12 ).toUpperCase();
			var contact = el( 'a', { href: boot.support.replace( 'REFERENCE', reference ) }, [ boot.supportName ] );
			help.append( el( 'span', {}, [ say( 'help' ) + ' ', contact ] ), ' ', el( 'span', {}, [ say( 'reference', reference ) ] ) );
		}
		box.append( head, progress, steps, facts, actions, note, trouble, help, live );

		function fact( label, words ) {
			if ( words ) {
				facts.append( el( 'div', {}, [ el( 'dt', {}, [ label ] ), el( 'dd', {}, [ words ] ) ] ) );
			}
		}

		function move() {
			if ( ! poll.doc ) {
				return;
			}
			var step = stepOf( poll.doc );
			highest = Math.max( highest, shareNow( poll, step ) );
			bar.style.inlineSize = 100 * highest + '%';
			meter.setAttribute( 'aria-valuenow', String( Math.round( 100 * highest ) ) );
			percent.textContent = new Intl.NumberFormat( lang, { style: 'percent' } ).format( highest );
			var expected = typeof poll.doc.expected_s === 'number' && ! poll.offline && poll.doc.phase !== 'delayed'
				? Math.max( 0, poll.doc.expected_s - ( Date.now() - poll.taken ) / 1000 )
				: null;
			remaining.textContent = poll.doc.phase === 'queued' && poll.doc.position > 0
				? say( 'position', number( poll.doc.position ) )
				: left( expected );
		}

		function draw() {
			var doc = poll.doc || { phase: 'confirming' };
			if ( expired( doc ) ) {
				doc = Object.assign( {}, doc, { phase: 'expired', download_url: null } );
			}
			var phase = text[ 'title_' + doc.phase ] ? doc.phase : 'delayed';
			var step = stepOf( doc );
			if ( poll.doc && TROUBLE[ phase ] && phase !== 'delayed' ) {
				highest = 0;
			}
			box.dataset.phase = phase;
			trouble.hidden = ! poll.offline;
			progress.hidden = phase === 'ready' || ( phase in TROUBLE && phase !== 'delayed' );
			steps.hidden = progress.hidden;
			badge.replaceChildren( icon( phase === 'ready' || phase === 'refunded' ? ICON.check : phase === 'unknown' || phase === 'expired' ? ICON.alert : ICON.wait ) );
			badge.hidden = ! ( phase === 'ready' || phase in TROUBLE );
			heading.textContent = say( 'title_' + phase );
			lead.textContent = say( 'lead_' + phase );
			if ( phase === 'delayed' && doc.next_try_at && Date.parse( doc.next_try_at ) > Date.now() ) {
				lead.textContent += ' ' + say( 'next_try', moment( doc.next_try_at, true ) );
			}
			Array.prototype.forEach.call( steps.children, function ( item, at ) {
				var state = at < step ? 'done' : at === step ? 'now' : 'todo';
				item.className = state;
				item.lastChild.textContent = ' ' + say( 'state_' + state );
				if ( state === 'now' ) {
					item.setAttribute( 'aria-current', 'step' );
				} else {
					item.removeAttribute( 'aria-current' );
				}
			} );
			facts.replaceChildren();
			if ( phase === 'ready' || phase === 'expired' ) {
				fact( say( 'picture' ), about.title );
				fact( say( 'dimensions' ), doc.width && doc.height ? say( 'pixels', number( doc.width ), number( doc.height ) ) : '' );
				fact( say( 'file' ), [ ( doc.format || '' ).toUpperCase().replace( 'WEBP', 'WebP' ), doc.bytes ? size( doc.bytes ) : '' ].filter( Boolean ).join( ', ' ) );
				fact( say( phase === 'ready' ? 'until' : 'ended' ), doc.expires_at ? moment( doc.expires_at ) : '' );
			}
			facts.hidden = ! facts.children.length;
			actions.hidden = ! ( phase === 'ready' && doc.download_url );
			if ( ! actions.hidden && link.getAttribute( 'href' ) !== doc.download_url && /^https?:|^\//.test( doc.download_url ) ) {
				link.setAttribute( 'href', doc.download_url );
			}
			note.textContent = say( phase === 'ready' && actions.hidden ? 'note_no_link' : 'note_' + phase );
			note.hidden = ! note.textContent;
			move();
			if ( shown !== phase ) {
				live.textContent = shown ? heading.textContent + '. ' + lead.textContent : '';
				shown = phase;
				remember( id, { phase: phase } );
			}
		}

		poll.listen( draw );
		setInterval( function () {
			if ( document.visibilityState === 'visible' ) {
				if ( poll.doc && expired( poll.doc ) && shown === 'ready' ) {
					draw();
				} else {
					move();
				}
			}
		}, 1000 );
		this.heading = heading;
	}

	/* ---- the dialog ---- */

	var dialogs = {};

	function closeTheShopsModal() {
		var theirs = document.getElementById( 'smi-modal' );
		if ( theirs && ! theirs.classList.contains( 'smi-hidden' ) ) {
			var button = theirs.querySelector( '.smi-modal-close' );
			if ( button ) {
				button.click(); // Their own way: it also ends their polling.
			}
			theirs.classList.add( 'smi-hidden' );
			document.body.style.overflow = '';
		}
	}

	function openDialog( id ) {
		if ( dialogs[ id ] ) {
			dialogs[ id ]();
			return;
		}
		var host = el( 'div', { class: 'smi-bridge-dialog' } );
		document.body.append( host );
		var box = shadow( host );
		dress( box, null );
		var dialog = el( 'dialog', { class: 'dialog', part: 'dialog', 'aria-labelledby': 'smib-title-' + id } );
		var close = el( 'button', { type: 'button', class: 'close', 'aria-label': say( 'close' ) }, [ icon( ICON.close ) ] );
		var card = el( 'div', { class: 'card' } );
		var view = new View( card, id, 'h2' );
		var theirs = document.getElementById( 'smi-modal' );
		// `open` is false as soon as the dialog closes, the `close` event comes later.
		var watch = theirs ? new MutationObserver( function () {
			if ( dialog.open ) {
				closeTheShopsModal();
			}
		} ) : null;
		dialog.append( card, close );
		box.append( dialog );

		function show() {
			closeTheShopsModal();
			if ( watch ) {
				watch.observe( theirs, { attributes: true, attributeFilter: [ 'class' ] } );
			}
			remember( id, { open: true } );
			try {
				sessionStorage.setItem( KEY + '-open', id );
			} catch ( e ) {
				// The reload will show the pill instead of the dialog.
			}
			dropPill( id );
			pollOf( id ).pace( false );
			document.documentElement.style.overflow = 'hidden';
			if ( ! dialog.open ) {
				dialog.showModal();
				view.heading.focus();
			}
		}
		close.addEventListener( 'click', function () {
			dialog.close();
		} );
		dialog.addEventListener( 'click', function ( event ) {
			if ( event.target === dialog ) {
				dialog.close();
			}
		} );
		dialog.addEventListener( 'close', function () {
			document.documentElement.style.overflow = '';
			if ( watch ) {
				watch.disconnect();
			}
			try {
				sessionStorage.removeItem( KEY + '-open' );
			} catch ( e ) {
				// See above.
			}
			var doc = pollOf( id ).doc || {};
			var seen = remembered()[ id ] || {};
			if ( ( doc.phase === 'ready' && seen.away ) || ( doc.phase in RESTING && doc.phase !== 'ready' ) || expired( doc ) ) {
				remember( id, null );
			} else {
				remember( id, { open: false } );
				var pill = addPill( id );
				whenStyled( dock.parentNode, function () {
					pill.focus();
				} );
			}
		} );
		dialogs[ id ] = show;
		whenStyled( box, show );
	}

	/* ---- the pill ---- */

	var pills = {};
	var dock = null;

	function addPill( id ) {
		if ( pills[ id ] ) {
			return pills[ id ].button;
		}
		if ( ! dock ) {
			var host = el( 'div', { class: 'smi-bridge-pills' } );
			document.body.append( host );
			var box = shadow( host );
			dress( box, null );
			dock = el( 'div', { class: 'dock', role: 'region', 'aria-label': say( 'yours' ) } );
			box.append( dock );
		}
		var ring = el( 'span', { class: 'ring', 'aria-hidden': 'true' }, [ icon( ICON.check ) ] );
		var words = el( 'span', { class: 'words' } );
		var button = el( 'button', { type: 'button', class: 'open', part: 'pill' }, [ ring, words ] );
		var away = el( 'button', { type: 'button', class: 'away', 'aria-label': say( 'dismiss' ) }, [ icon( ICON.close ) ] );
		var pill = el( 'div', { class: 'pill' }, [ button, away ] );
		var poll = pollOf( id );
		button.addEventListener( 'click', function () {
			openDialog( id );
		} );
		away.addEventListener( 'click', function () {
			remember( id, null );
			dropPill( id );
		} );
		dock.append( pill );
		pills[ id ] = { node: pill, button: button, stop: function () {} };
		poll.pace( true );
		pills[ id ].stop = poll.listen( function () {
			var doc = poll.doc || {};
			if ( doc.phase === 'unknown' ) {
				remember( id, null );
				dropPill( id );
				return;
			}
			var share = doc.phase ? shareNow( poll, stepOf( doc ) ) : 0;
			pill.dataset.phase = expired( doc ) ? 'expired' : doc.phase || 'queued';
			ring.style.setProperty( '--share', String( share ) );
			words.textContent = doc.phase === 'ready' && ! expired( doc ) ? say( 'pill_ready' ) : doc.phase in TROUBLE ? say( 'pill_news' ) : say( 'pill_working', new Intl.NumberFormat( lang, { style: 'percent' } ).format( share ) );
		} );
		return button;
	}

	function dropPill( id ) {
		if ( pills[ id ] ) {
			pills[ id ].stop();
			pills[ id ].node.remove();
			delete pills[ id ];
		}
	}

	/* ---- the notice after a cancelled payment ---- */

	function cancelled() {
		var host = el( 'div', { class: 'smi-bridge-notice' } );
		document.body.append( host );
		var box = shadow( host );
		dress( box, null );
		var close = el( 'button', { type: 'button', class: 'away', 'aria-label': say( 'close' ) }, [ icon( ICON.close ) ] );
		var words = el( 'p', { role: 'status' } );
		var notice = el( 'div', { class: 'toast' }, [ words, close ] );
		close.addEventListener( 'click', function () {
			host.remove();
		} );
		box.append( notice );
		whenStyled( box, function () {
			words.textContent = say( 'cancelled' ); // After the region exists, so that it is read out.
		} );
	}

	/* ---- start ---- */

	function start() {
		var here = [];
		Object.keys( boot.tokens || {} ).forEach( function ( id ) {
			remember( id, { token: boot.tokens[ id ] } );
		} );
		document.querySelectorAll( '[data-smi-bridge-job]' ).forEach( function ( host ) {
			var id = host.getAttribute( 'data-smi-bridge-job' );
			if ( ! JOB_ID.test( id ) ) {
				return;
			}
			here.push( id );
			var box = shadow( host );
			dress( box, host );
			var card = el( 'div', { class: 'card inline' } );
			box.append( card );
			new View( card, id, host.getAttribute( 'data-smi-bridge-level' ) || 'h2' );
		} );
		var back = boot.back || {};
		if ( back.cancelled ) {
			cancelled();
		} else if ( back.job && JOB_ID.test( back.job ) && here.indexOf( back.job ) < 0 ) {
			remember( back.job, { since: Date.now(), open: true, away: false } );
			openDialog( back.job );
		}
		var jobs = remembered();
		var open = null;
		try {
			open = sessionStorage.getItem( KEY + '-open' );
		} catch ( e ) {
			open = null;
		}
		Object.keys( jobs ).sort( function ( a, b ) {
			return jobs[ b ].since - jobs[ a ].since;
		} ).slice( 0, 3 ).forEach( function ( id ) {
			if ( id === back.job || here.indexOf( id ) >= 0 || ! ( 'open' in jobs[ id ] ) ) {
				return;
			}
			if ( id === open && ! back.job ) {
				openDialog( id );
			} else {
				addPill( id );
			}
		} );
	}

	/* Back from payment: the address is cleaned so that it can be shared, unless this browser could not remember the job. */
	function tidy() {
		var back = boot.back || {};
		if ( ! ( back.job || back.cancelled ) || ! window.history.replaceState ) {
			return;
		}
		if ( back.job && ! remember( back.job, {} ) ) {
			return;
		}
		var url = new URL( location.href );
		url.search = url.search.replace( /(\?|%3F)smi_payment(=|%3D)/i, '&smi_payment=' ); // See Compat::SECOND_QUERY.
		[ 'smi_payment', 'session_id', 'job_id', 'smi_job_id', 'smi_status' ].forEach( function ( name ) {
			url.searchParams.delete( name );
		} );
		window.history.replaceState( window.history.state, '', url );
	}

	function ready( run ) {
		if ( document.readyState === 'loading' ) {
			document.addEventListener( 'DOMContentLoaded', run );
		} else {
			run();
		}
	}

	tidy();
	if ( boot.text ) {
		text = boot.text;
		ready( start );
	} else {
		var wanted = ( boot.back && boot.back.job ) || Object.keys( remembered() )[ 0 ] || '';
		var proofs = {};
		if ( tokenOf( wanted ) ) {
			proofs[ 'Smi-Status-Token' ] = tokenOf( wanted );
		} else if ( boot.back && boot.back.session && wanted === boot.back.job ) {
			proofs[ 'Smi-Payment-Session' ] = boot.back.session;
		}
		fetch( boot.view + ( boot.view.indexOf( '?' ) < 0 ? '?' : '&' ) + 'job=' + encodeURIComponent( wanted ), { headers: proofs, cache: 'no-store', credentials: 'omit' } ).then( function ( answer ) {
			return answer.ok ? answer.json() : Promise.reject( new Error( 'no words' ) );
		} ).then( function ( view ) {
			Object.assign( boot, view );
			text = boot.text;
			ready( start );
		} ).catch( function ( error ) {
			boot.started = false;
			window.console.warn( 'SMI Bridge: the status view could not start.', error );
		} );
	}
}() );
