/* The dashboard's figures: fetched, drawn, refreshed while somebody looks. Charts by uPlot. */
( function () {
	'use strict';

	var admin = window.smiBridgeAdmin;
	var __ = window.wp.i18n.__;
	var text = {
		delivered: __( 'Delivered', 'smi-bridge' ),
		working: __( 'In progress', 'smi-bridge' ),
		review: __( 'In review', 'smi-bridge' ),
		refunded: __( 'Refunded', 'smi-bridge' ),
		p50: __( 'Half are faster', 'smi-bridge' ),
		p95: __( '95% are faster', 'smi-bridge' ),
	};
	var lang = document.documentElement.lang || 'en';
	var period = '24h';
	var charts = {};
	var timer = 0;
	var COLOURS = { delivered: '#2a9d5c', working: '#8aa4e8', review: '#d98a1f', refunded: '#8c8f94', p50: '#2855d1', p95: '#d98a1f' };

	function one( selector ) {
		return document.querySelector( selector );
	}

	function span( seconds ) {
		return seconds === null ? '–' : seconds < 90 ? __( '%s s', 'smi-bridge' ).replace( '%s', Math.round( seconds ) ) : __( '%s min', 'smi-bridge' ).replace( '%s', new Intl.NumberFormat( lang, { maximumFractionDigits: seconds < 600 ? 1 : 0 } ).format( seconds / 60 ) );
	}

	function when( unix, step ) {
		return new Intl.DateTimeFormat( lang, step < 86400 ? { weekday: 'short', hour: 'numeric', minute: '2-digit' } : { day: 'numeric', month: 'short' } ).format( new Date( unix * 1000 ) );
	}

	/* The same figures as a table: for screen readers, and for people who want numbers. */
	function table( place, series, names, format, step ) {
		var details = place.parentNode.querySelector( 'details' ) || document.createElement( 'details' );
		var grid = document.createElement( 'table' );
		var head = grid.createTHead().insertRow();
		[ __( 'Time', 'smi-bridge' ) ].concat( names.map( function ( name ) {
			return text[ name ];
		} ) ).forEach( function ( words ) {
			var cell = document.createElement( 'th' );
			cell.scope = 'col';
			cell.textContent = words;
			head.append( cell );
		} );
		series.at.forEach( function ( at, index ) {
			var row = grid.insertRow();
			var title = document.createElement( 'th' );
			title.scope = 'row';
			title.textContent = when( at, step );
			row.append( title );
			names.forEach( function ( name ) {
				row.insertCell().textContent = format( series[ name ][ index ] );
			} );
		} );
		grid.className = 'widefat striped';
		var summary = document.createElement( 'summary' );
		summary.textContent = __( 'As a table', 'smi-bridge' );
		details.replaceChildren( summary, grid );
		place.parentNode.append( details );
	}

	function legend( place, names ) {
		var list = document.createElement( 'p' );
		list.className = 'smib-legend';
		names.forEach( function ( name ) {
			var item = document.createElement( 'span' );
			item.textContent = text[ name ];
			item.style.setProperty( '--colour', COLOURS[ name ] );
			list.append( item );
		} );
		place.append( list );
	}

	function draw( name, names, data, options, stats, format, steps ) {
		var place = one( '[data-smib-chart="' + name + '"]' );
		if ( charts[ name ] ) {
			charts[ name ].destroy();
		}
		place.replaceChildren();
		var canvas = document.createElement( 'div' );
		canvas.setAttribute( 'aria-hidden', 'true' ); // The table below says the same.
		place.append( canvas );
		var axis = { stroke: '#50575e', grid: { stroke: '#f0f0f1', width: 1 }, ticks: { show: false }, font: '12px -apple-system, "Segoe UI", sans-serif' };
		charts[ name ] = new window.uPlot( Object.assign( {
			width: Math.max( 260, place.clientWidth ),
			height: 200,
			legend: { show: false },
			cursor: { y: false, points: { size: 7 }, drag: { setScale: false } },
			padding: [ 8, 8, 0, 0 ],
			scales: { x: { time: true } },
		}, options, {
			axes: [
				Object.assign( {}, axis, { values: function ( plot, splits ) {
					return splits.map( function ( at ) {
						return new Intl.DateTimeFormat( lang, stats.step < 20000 ? { hour: 'numeric' } : { day: 'numeric', month: 'short' } ).format( new Date( at * 1000 ) );
					} );
				}, space: 70, size: 32, grid: { show: false } } ),
				Object.assign( {}, axis, { size: 58, incrs: steps, values: function ( plot, splits ) {
					return splits.map( format );
				} } ),
			],
			plugins: [ tooltip( names, stats, format ) ],
		} ), data, canvas );
		legend( place, names );
		table( place, stats.series, names, format, stats.step );
	}

	function tooltip( names, stats, format ) {
		var tip = document.createElement( 'div' );
		tip.className = 'smib-tip';
		tip.hidden = true;
		return { hooks: {
			init: function ( plot ) {
				plot.over.append( tip );
				plot.over.addEventListener( 'mouseleave', function () {
					tip.hidden = true;
				} );
			},
			setCursor: function ( plot ) {
				var at = plot.cursor.idx;
				tip.hidden = at === null || at === undefined;
				if ( tip.hidden ) {
					return;
				}
				var lines = [ document.createElement( 'strong' ) ];
				lines[ 0 ].textContent = when( stats.series.at[ at ], stats.step );
				names.forEach( function ( name ) {
					var line = document.createElement( 'span' );
					line.textContent = text[ name ] + ': ' + format( stats.series[ name ][ at ] );
					line.style.setProperty( '--colour', COLOURS[ name ] );
					lines.push( line );
				} );
				tip.replaceChildren.apply( tip, lines );
				tip.style.left = Math.min( Math.max( 0, plot.cursor.left + 12 ), plot.over.clientWidth - tip.offsetWidth ) + 'px';
			},
		} };
	}

	function endings( stats ) {
		var names = [ 'delivered', 'working', 'review', 'refunded' ];
		var sum = stats.series.at.map( function () {
			return 0;
		} );
		// Stacked: each series is drawn with all below it, the tallest first.
		var stacked = names.map( function ( name ) {
			sum = sum.map( function ( below, index ) {
				return below + stats.series[ name ][ index ];
			} );
			return sum;
		} );
		var bars = window.uPlot.paths.bars( { size: [ 0.7, 40 ], radius: 0.1, align: 1 } );
		draw( 'endings', names, [ stats.series.at ].concat( stacked.slice().reverse() ), {
			series: [ {} ].concat( names.slice().reverse().map( function ( name ) {
				return { fill: COLOURS[ name ], stroke: COLOURS[ name ], width: 0, paths: bars, points: { show: false } };
			} ) ),
			scales: { x: { time: true, range: function ( plot, low, high ) {
				return [ low, high + stats.step ];
			} }, y: { range: function ( plot, low, high ) {
				return [ 0, Math.max( 4, Math.ceil( ( high || 0 ) * 1.1 ) ) ];
			} } },
		}, stats, function ( value ) {
			return new Intl.NumberFormat( lang ).format( value );
		}, [ 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000 ] );
	}

	function durations( stats ) {
		var names = [ 'p50', 'p95' ];
		draw( 'durations', names, [ stats.series.at ].concat( names.map( function ( name ) {
			return stats.series[ name ];
		} ) ), {
			series: [ {} ].concat( names.map( function ( name ) {
				return { stroke: COLOURS[ name ], width: 2, spanGaps: true, points: { show: true, size: 5, fill: COLOURS[ name ] } };
			} ) ),
			scales: { x: { time: true }, y: { range: function ( plot, low, high ) {
				return [ 0, Math.max( 10, ( high || 0 ) * 1.1 ) ];
			} } },
		}, stats, span, [ 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400 ] );
	}

	function errors( list ) {
		var place = one( '#smib-errors' );
		if ( ! list.length ) {
			place.textContent = __( 'Nothing in this period.', 'smi-bridge' );
			return;
		}
		var most = list[ 0 ].number;
		var rows = document.createElement( 'ul' );
		rows.className = 'smib-bars';
		list.forEach( function ( error ) {
			var row = document.createElement( 'li' );
			var name = document.createElement( 'span' );
			var bar = document.createElement( 'i' );
			var figure = document.createElement( 'strong' );
			name.textContent = error.words;
			bar.style.inlineSize = 100 * error.number / most + '%';
			figure.textContent = new Intl.NumberFormat( lang ).format( error.number );
			row.append( name, figure, bar );
			rows.append( row );
		} );
		place.replaceChildren( rows );
	}

	function show( data ) {
		Object.keys( data.words ).forEach( function ( name ) {
			var place = one( '[data-smib="' + name + '"]' );
			if ( place ) {
				place.textContent = data.words[ name ];
			}
		} );
		var sidecar = data.sidecar;
		one( '[data-smib="working"]' ).textContent = new Intl.NumberFormat( lang ).format( data.working );
		one( '[data-smib="workers"]' ).textContent = sidecar.ok ? sidecar.workers : '–';
		var state = one( '#smib-link' );
		state.textContent = sidecar.ok ? __( 'Connected', 'smi-bridge' ) : __( 'No connection.', 'smi-bridge' ) + ( sidecar.message ? ' ' + sidecar.message : '' );
		state.className = 'smib-link-state ' + ( sidecar.ok ? 'good' : 'bad' );
		document.querySelectorAll( '[data-smib-stage]' ).forEach( function ( cell ) {
			var stage = cell.dataset.smibStage;
			var held = sidecar.held[ stage ];
			cell.firstChild.textContent = sidecar.ok ? String( sidecar.queues[ stage ] || 0 ) : '–';
			cell.lastChild.textContent = held ? __( 'On hold:', 'smi-bridge' ) + ' ' + held : sidecar.late[ stage ] || '';
			cell.classList.toggle( 'held', Boolean( held ) );
		} );
		endings( data.stats );
		durations( data.stats );
		errors( data.stats.errors );
	}

	function load() {
		clearTimeout( timer );
		return admin.post( 'smi_bridge_dashboard', { period: period } ).then( function ( data ) {
			one( '#smib-fault' ).hidden = true;
			show( data );
		} ).catch( function ( error ) {
			one( '#smib-fault' ).hidden = false;
			one( '#smib-fault' ).textContent = error.message;
		} ).then( function () {
			clearTimeout( timer );
			if ( document.visibilityState === 'visible' ) {
				timer = setTimeout( load, 10000 );
			}
		} );
	}

	document.addEventListener( 'visibilitychange', function () {
		if ( document.visibilityState === 'visible' ) {
			load();
		} else {
			clearTimeout( timer );
		}
	} );
	document.querySelectorAll( '[data-smib-period]' ).forEach( function ( button ) {
		button.addEventListener( 'click', function () {
			document.querySelectorAll( '[data-smib-period]' ).forEach( function ( other ) {
				other.setAttribute( 'aria-pressed', String( other === button ) );
			} );
			period = button.dataset.smibPeriod;
			load();
		} );
	} );
	var width = window.innerWidth;
	window.addEventListener( 'resize', function () {
		if ( width !== window.innerWidth ) {
			width = window.innerWidth;
			Object.keys( charts ).forEach( function ( name ) {
				charts[ name ].setSize( { width: Math.max( 260, one( '[data-smib-chart="' + name + '"]' ).clientWidth ), height: 200 } );
			} );
		}
	} );
	load();
}() );
