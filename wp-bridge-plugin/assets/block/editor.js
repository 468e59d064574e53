/* The block in the editor: what it will show, and one field. Plain browser script over WordPress' own packages. */
( function ( blocks, element, blockEditor, components, i18n ) {
	'use strict';

	var el = element.createElement;
	var __ = i18n.__;

	blocks.registerBlockType( 'smi-bridge/status', {
		edit: function ( props ) {
			return el( element.Fragment, {},
				el( blockEditor.InspectorControls, {},
					el( components.PanelBody, { title: __( 'Job', 'smi-bridge' ) },
						el( components.TextControl, {
							label: __( 'Job', 'smi-bridge' ),
							help: __( 'Leave it empty: the page then shows the job that its address names.', 'smi-bridge' ),
							value: props.attributes.jobId,
							onChange: function ( value ) {
								props.setAttributes( { jobId: value } );
							},
						} )
					)
				),
				el( 'div', blockEditor.useBlockProps(),
					el( components.Placeholder, {
						icon: 'format-gallery',
						label: __( 'Picture status', 'smi-bridge' ),
						instructions: __( 'Here customers see where their picture stands, and download it when it is ready.', 'smi-bridge' ),
					} )
				)
			);
		},
		save: function () {
			return null;
		},
	} );
}( window.wp.blocks, window.wp.element, window.wp.blockEditor, window.wp.components, window.wp.i18n ) );
